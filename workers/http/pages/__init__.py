"""The customer's pages: server-rendered, in two languages, whole without JavaScript; they read views, send commands."""
