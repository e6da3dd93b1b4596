"""What was served: decisions joined to what came of them."""
