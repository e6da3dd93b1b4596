-- The first start of the PostgreSQL server: a database for Airflow and one for MLflow. No request of the API waits for either.
CREATE DATABASE airflow;
CREATE DATABASE mlflow;
