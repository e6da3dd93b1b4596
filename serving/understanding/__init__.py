"""Components that read a request into its context."""
