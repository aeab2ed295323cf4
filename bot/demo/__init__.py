"""The demo's own model: a small real one as a child process, or a scripted stand-in where its wheels do not exist."""
