"""The mocked tools of calls, served to an agent that reaches its tools by itself: over MCP and as webhooks."""
