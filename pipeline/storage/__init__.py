"""Storage: the database, its migrations, and what is asked of it. Imports SQLAlchemy: load it late."""
