"""What is made of texts: `bench text`."""
