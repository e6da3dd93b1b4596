"""How a version comes to serve: registered on its evaluation, promoted on all its evidence."""
