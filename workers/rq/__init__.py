"""Worker processes: what knows how RQ runs them, times them and recovers their jobs."""
