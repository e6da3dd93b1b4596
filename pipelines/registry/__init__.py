"""Versions of models, the roles they hold, and the journal of who served when. MLflow keeps the versions."""
