package deistest

import (
	"fmt"
	"net/http"
)

// SetKubernetes takes the cluster away from the Controller, or gives it back. Without the cluster, as recorded for API
// 2.2 and 2.3, lists of pods are empty, with a 200, although the pods keep running; creating an app returns 503 but
// stores it; deleting one fails; scaling returns 503 but stores the numbers, and the same request again returns 204
// and changes nothing; deploys, settings, domains and one-off commands fail. API 1.6 refuses deploys and scaling.
func (c *Controller) SetKubernetes(up bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kubernetesDown = !up
}

// kubernetesRefuses returns the response to a request that has to change the cluster, nil while the cluster is there.
func (q *request) kubernetesRefuses(format string, args ...any) *response {
	if !q.kubernetesDown || !q.v2() {
		return nil
	}
	return detail(http.StatusServiceUnavailable, format, args...)
}

// scaleRefusal returns the response if the scheduler refuses a number of pods.
func (q *request) scaleRefusal(procType string) *response {
	name := q.app.id + "-" + procType
	switch {
	case !q.v2():
		return detail(http.StatusServiceUnavailable, "aborting, failed to create some containers")
	case !q.v23():
		return detail(http.StatusServiceUnavailable, "(scale): %s", updateProblem22(q.app.id, procType))
	}
	return detail(http.StatusServiceUnavailable, `(scale): ('failed to scale Deployment "%[1]s" in Namespace "%[2]s": `+
		`500 Internal Server Error ', 'Deployment', '%[1]s', '%[2]s')`, name, q.app.id)
}

// runRefusal returns the response if the scheduler refuses a one-off command.
func (q *request) runRefusal(pod string) *response {
	end := ""
	if q.v23() {
		end = " "
	}
	return detail(http.StatusServiceUnavailable,
		`%[1]s-%[2]s (run): ('failed to create Pod in Namespace "%[1]s": 500 Internal Server Error%[3]s', '%[1]s')`,
		q.app.id, pod, end)
}

// serviceRefusal returns the response if the app's entry in the router cannot be changed, nil if it can.
func (q *request) serviceRefusal() *response {
	return q.kubernetesRefuses("Could not update Kubernetes Service %s", q.app.id)
}

// deployProblem returns what the scheduler says if it refuses a process type of a release. From 2.3 on the release before
// is deployed again, and if that fails, too, the text is about that one.
func (q *request) deployProblem(r *release, procType string) string {
	switch before := q.app.releaseBefore(r); {
	case !q.v2():
		return "aborting, failed to create some containers"
	case !q.v23():
		return "(app::deploy): " + updateProblem22(q.app.id, procType)
	case before.build == nil:
		return "(app::deploy): " + q.updateProblem23(r, procType)
	case q.kubernetesDown:
		return "(app::deploy): (app::deploy): " + q.updateProblem23(before, procType)
	default:
		return fmt.Sprintf("(app::deploy): There was a problem deploying v%d. Rolling back process types to release v%d.\n%s",
			r.version, before.version, q.updateProblem23(r, procType))
	}
}

// updateProblem23 returns the scheduler's text about a process type in API 2.3.
func (q *request) updateProblem23(r *release, procType string) string {
	name := q.app.id + "-" + procType
	return fmt.Sprintf("There was a problem while deploying v%d of %s. Additional information:\n"+
		`('failed to update Deployment "%s": 500 Internal Server Error ', '%s')`, r.version, name, name, name)
}

// updateProblem22 returns the scheduler's text about a process type in API 2.2.
func updateProblem22(app, procType string) string {
	name := app + "-" + procType
	return `('failed to update Deployment "` + name + `": 500 Internal Server Error', '` + name + `')`
}
