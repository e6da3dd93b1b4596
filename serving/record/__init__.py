"""The plain values of a request and of what was decided; they import nothing above them."""
