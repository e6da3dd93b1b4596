"""What a fact and a feature are: tables, services, request-time functions, and where everything lies."""
