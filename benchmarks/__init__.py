"""Client CPU of the tool loop, side by side with the bare SDK and raw HTTP in the same run. Ratios count, not times."""
