"""A notebook, a cell at a time. VS Code and Jupytext read `# %%` as the start of a cell."""

# %% Who am I, and where?
import dagctl

client = dagctl.connect(announce=print)  # shows the address of a sign-in if no browser opens
context = client.context.current()
print(context.owner, context.project.value if context.project else "no project")

# %% If the session has ended, sign in here: the browser comes up, and the cell waits.
if not client.session.status().signed_in:
    client.login("acme")

# %% Choose a project.
for project in client.projects.list():
    print(project.name, project.id)
client.projects.choose("shop")

# %% May I change this environment?
for environment in ("dev", "prod"):
    verdict = client.protection.ask(environment)
    print(environment, "open" if verdict.allowed else f"protected: {verdict.message}")
