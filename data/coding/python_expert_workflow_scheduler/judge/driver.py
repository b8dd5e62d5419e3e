"""Reads a workflow and asks about it; what cannot run answers its problems."""


def call(fn, args):
    import scheduler
    import validation
    import workflow

    if fn == "deep_chain":
        tasks = [{"id": f"t{place:04d}", "duration": 1} for place in range(args[0])]
        for task, before in zip(tasks[1:], tasks):
            task["needs"] = [before["id"]]
        subject = workflow.read_workflow({"tasks": tasks})
        path = scheduler.find_critical_path(subject)
        return [len(path), path[0], path[-1], scheduler.measure_chains(subject)[path[0]]]
    subject = workflow.read_workflow(args[0])
    if fn == "problems":
        return validation.find_problems(subject)
    try:
        if fn == "chains":
            return scheduler.measure_chains(subject)
        if fn == "critical_path":
            return scheduler.find_critical_path(subject)
        return scheduler.simulate(subject)
    except validation.WorkflowError as error:
        return {"problems": error.problems}
