package deistest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

type runJSON struct {
	ExitCode int    `json:"exit_code"`
	Output   string `json:"output"`
}

// runCommand runs a one-off command. API 1.6 responds with [0,"output"] as plain text, and leaves a container behind.
func runCommand(q *request) *response {
	data, stop := q.anyObject()
	if stop != nil {
		return stop
	}
	value, given := data["command"]
	if q.v2() && !truthy(value) {
		return detail(http.StatusBadRequest, "command is a required field")
	}
	if !given {
		return q.crash()
	}
	latest := q.app.latest()
	if latest.build == nil {
		return detail(http.StatusBadRequest, "No build associated with this release to run this command")
	}
	command := q.pythonString(value)
	if !q.v2() {
		q.log("INFO", "%s runs '%s'", q.user.username, command)
		q.app.pods = append(q.app.pods, q.newPod("run", q.app.nextNum("run"), latest))
		if _, isText := value.(string); !isText {
			return q.crash() // after the container was made
		}
		code, output := run(command, q.shown(latest.config, "values"))
		return text(http.StatusOK, encode([]any{code, output}))
	}
	pod := "run-" + podSuffix()
	q.log("INFO", "%s on %s-%s runs '%s'", q.user.username, q.app.id, pod, command)
	if command == "k8s-fail" || q.kubernetesDown {
		return q.runRefusal(pod)
	}
	code, output := run(command, q.shown(latest.config, "values"))
	for line := range strings.Lines(output) {
		q.app.logs = append(q.app.logs, fmt.Sprintf("%s %s[%s]: %s", now().Format("2006-01-02T15:04:05-07:00"),
			q.app.id, strings.Replace(pod, "-", ".", 1), strings.TrimSuffix(line, "\n")))
	}
	return ok(runJSON{code, output})
}

// run runs a script in the shell that the package documentation describes.
func run(script string, env map[string]any) (code int, output string) {
	for command := range strings.SplitSeq(script, ";") {
		name, args, _ := strings.Cut(strings.TrimSpace(command), " ")
		args = strings.TrimSpace(args)
		code = 0
		switch name {
		case "", "true":
		case "false":
			code = 1
		case "exit":
			code, _ = strconv.Atoi(args)
			return code, output
		case "echo":
			output += args + "\n"
		case "env", "printenv":
			if v, set := env[args]; set {
				output += fmt.Sprintln(v)
			} else if args != "" {
				code = 1
			} else {
				for _, k := range sortedKeys(env) {
					output += fmt.Sprintf("%s=%v\n", k, env[k])
				}
			}
		default:
			code = 127
			output += name + ": not found\n"
		}
	}
	return code, output
}
