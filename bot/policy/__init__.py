"""Who may do what: types, the pure judge, and the book it reads from."""
