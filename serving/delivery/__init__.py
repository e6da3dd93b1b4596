"""Components that run the auction and lay out the page."""
