package deistest

import (
	"fmt"
	"net/http"
)

// SetKubernetes takes the cluster away from the Controller, or gives it back. Without it, as recorded of API 2.2 and
// 2.3, lists of pods are 200 and empty although the pods run on; an app is created in spite of a 503 and not deleted;
// scaling stores the numbers in spite of a 503, and the same request again is 204 and changes nothing; deploys fail,
// and so do settings, domains and one-off commands. API 1.6 refuses deploys and scaling.
func (c *Controller) SetKubernetes(up bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kubernetesDown = !up
}

// kubernetesRefuses is the response of a request that needs the cluster to change something; nil while it is there.
func (q *request) kubernetesRefuses(format string, args ...any) *response {
	if !q.kubernetesDown || !q.v2() {
		return nil
	}
	return detail(http.StatusServiceUnavailable, format, args...)
}

// scaleRefusal is what the scheduler says about a number of pods that it does not run.
func (q *request) scaleRefusal(procType string) *response {
	name := q.app.id + "-" + procType
	switch {
	case !q.v2():
		return detail(http.StatusServiceUnavailable, "aborting, failed to create some containers")
	case !q.v23():
		return detail(http.StatusServiceUnavailable, "(scale): %s", noDeployment(q.app.id, procType))
	}
	return detail(http.StatusServiceUnavailable, `(scale): ('failed to scale Deployment "%[1]s" in Namespace "%[2]s": `+
		`500 Internal Server Error ', 'Deployment', '%[1]s', '%[2]s')`, name, q.app.id)
}

// runRefusal is what the scheduler says about a one-off command that it does not run.
func (q *request) runRefusal(pod string) *response {
	end := ""
	if q.v23() {
		end = " "
	}
	return detail(http.StatusServiceUnavailable,
		`%[1]s-%[2]s (run): ('failed to create Pod in Namespace "%[1]s": 500 Internal Server Error%[3]s', '%[1]s')`,
		q.app.id, pod, end)
}

// serviceRefusal is the response where the app's entry in the router could not be changed.
func (q *request) serviceRefusal() *response {
	return q.kubernetesRefuses("Could not update Kubernetes Service %s", q.app.id)
}

// deployRefusal is what the scheduler says about a process type of a release. From 2.3 on the release before is
// deployed again, and where that fails, too, the text is about that one.
func (q *request) deployRefusal(r *release, procType string) string {
	switch before := q.app.before(r); {
	case !q.v2():
		return "aborting, failed to create some containers"
	case !q.v23():
		return "(app::deploy): " + noDeployment(q.app.id, procType)
	case before.build == nil:
		return "(app::deploy): " + q.typeRefusal(r, procType)
	case q.kubernetesDown:
		return "(app::deploy): (app::deploy): " + q.typeRefusal(before, procType)
	default:
		return fmt.Sprintf("(app::deploy): There was a problem deploying v%d. Rolling back process types to release v%d.\n%s",
			r.version, before.version, q.typeRefusal(r, procType))
	}
}

// typeRefusal is the scheduler's refusal in API 2.3.
func (q *request) typeRefusal(r *release, procType string) string {
	name := q.app.id + "-" + procType
	return fmt.Sprintf("There was a problem while deploying v%d of %s. Additional information:\n"+
		`('failed to update Deployment "%s": 500 Internal Server Error ', '%s')`, r.version, name, name, name)
}

// noDeployment is the scheduler's refusal in API 2.2.
func noDeployment(app, procType string) string {
	name := app + "-" + procType
	return `('failed to update Deployment "` + name + `": 500 Internal Server Error', '` + name + `')`
}
