"""Models: hosts, configuration, and the client that asks an OpenAI-compatible endpoint for the next message.

Nothing is imported here, so that reading a configuration stays fast: `openai` is loaded when the first client opens.
"""
