"""The front of the house: settings, urls, base templates and styles, sign-in and roles."""
