package deistest

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// A cause is what a release is deployed for.
type cause int

const (
	ofBuild cause = iota
	ofConfig
	ofRollback
)

// failed is the summary of a release whose deploy failed, in late servers.
func (c cause) failed(r *release) string {
	switch c {
	case ofBuild:
		return "deployed " + r.build.uuid[:7] + " which failed"
	case ofConfig:
		return "deployed a config that failed"
	}
	return "performed roll back to a release that failed"
}

// deploy starts the pods of a release instead of those that run. Where that fails, real Controllers leave different
// things behind: 1.6 the build and, if the image is missing, the release; 2.2 and the first of 2.3 nothing; later ones
// both, with a summary that says what failed.
func (q *request) deploy(r *release, what cause) *response {
	problem, status := q.releaseProblem(r), http.StatusBadRequest
	switch {
	case !q.v2():
		status = http.StatusServiceUnavailable
	case problem == "" && what != ofRollback && q.app.deploying > 0:
		problem = "Deployment for " + q.app.id + "-" + q.deployedTypes(r)[0] + " is already in progress"
		if what == ofConfig && q.late23() {
			status = http.StatusConflict
		}
	}
	if problem == "" {
		q.changeStructure(r)
		q.whileDeploying()
		procType := q.failingType(r)
		if procType == "" {
			q.replacePods(r)
			return nil
		}
		problem = q.deployRefusal(r, procType)
		if q.v23() && !q.kubernetesDown {
			q.redeployBefore(r)
		}
	}
	q.log("ERROR", "%s", problem)
	switch {
	case q.late23():
		r.fail(what.failed(r), problem)
	case q.v2() || !r.build.isMissing():
		q.app.releases = slices.DeleteFunc(q.app.releases, func(other *release) bool { return other == r })
	}
	return detail(status, "%s", problem)
}

// whileDeploying lets other requests go on until the deploy is over. It goes on itself if its client leaves.
func (q *request) whileDeploying() {
	if q.deployDelay <= 0 {
		return
	}
	q.app.deploying++
	q.mu.Unlock()
	sleep(context.Background(), q.deployDelay)
	q.mu.Lock()
	q.app.deploying--
}

// releaseProblem says why a release does not get as far as the scheduler.
func (q *request) releaseProblem(r *release) string {
	switch {
	case r.build.isMissing() && !q.v2():
		return `GET Image Error (404: {"error": "Tag not found"})`
	case r.build.isMissing():
		return "image " + r.build.image + " not found"
	case !q.v2():
	case strings.HasPrefix(r.build.image, "denied/"):
		return "Permission Denied attempting to pull image " + r.build.image
	case strings.HasPrefix(r.build.image, "deis/controller"):
		return "Repository name deis/controller is not allowed, as it is reserved by Deis"
	case r.build.imageName() == "noport" && q.app.currentSettings().routable:
		return "Expose a port or make the app non routable by changing the process type"
	case len(r.config.fields["registry"]) > 0 && r.config.fields["values"]["PORT"] == nil:
		return needsPort
	case q.hasNumericCPU(r):
		return "(app::deploy): 'int' object has no attribute 'lower'"
	}
	return ""
}

// failingType is the process type of a release that the scheduler refuses, "" if none.
func (q *request) failingType(r *release) string {
	_, failing := r.config.fields["values"]["K8S_FAIL"]
	if !failing && !q.kubernetesDown && !strings.HasSuffix(r.build.image, ":k8s-fail") {
		return ""
	}
	procTypes := q.deployedTypes(r)
	return procTypes[len(procTypes)-1]
}

// deployedTypes are the process types of a release in the order in which they are deployed.
func (q *request) deployedTypes(r *release) []string {
	if len(q.app.structure) == 0 {
		return sortedKeys(q.defaultStructure(r.build))
	}
	return sortedKeys(q.app.structure)
}
