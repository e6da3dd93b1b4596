"""Tables of any team as logs: a mapping (data, no code) says which columns are what, and DuckDB reads the files."""
