package deistest

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// A cause is the request that leads to a deploy.
type cause int

const (
	causeBuild cause = iota
	causeConfig
	causeRollback
)

// failureSummary returns the summary of a release whose deploy failed, in late servers.
func (c cause) failureSummary(r *release) string {
	switch c {
	case causeBuild:
		return "deployed " + r.build.uuid[:7] + " which failed"
	case causeConfig:
		return "deployed a config that failed"
	}
	return "performed roll back to a release that failed"
}

// deploy replaces the running pods by those of a release. If that fails, API 1.6 leaves the build behind and, if the
// image is missing, the release; 2.2 and early servers leave nothing; late servers leave both, with a summary that says
// what failed.
func (q *request) deploy(r *release, why cause) *response {
	problem, status := q.releaseProblem(r), http.StatusBadRequest
	switch {
	case !q.v2():
		status = http.StatusServiceUnavailable
	case problem == "" && why != causeRollback && q.app.deploying > 0:
		problem = "Deployment for " + q.app.id + "-" + q.deployedTypes(r)[0] + " is already in progress"
		if why == causeConfig && q.late23() {
			status = http.StatusConflict
		}
	}
	if problem == "" {
		if !q.v2() && !q.canStart(r) {
			return q.crash()
		}
		if problem = q.start(r); problem == "" {
			return nil
		}
	}
	q.log("ERROR", "%s", problem)
	switch {
	case q.late23():
		r.fail(why.failureSummary(r), problem)
	case q.v2() || !r.build.isMissing():
		q.app.releases = slices.DeleteFunc(q.app.releases, func(other *release) bool { return other == r })
	}
	return detail(status, "%s", problem)
}

// start starts the pods of a release, or returns why it cannot.
func (q *request) start(r *release) (problem string) {
	if !q.v2() {
		return q.startContainers(r)
	}
	q.changeStructure(r)
	q.waitForDeploy()
	failing := q.failingType(r)
	if failing == "" {
		q.replacePods(r)
		return ""
	}
	switch {
	case q.kubernetesDown:
	case q.v23():
		q.redeployPrevious(r)
	default:
		q.replaceOtherPods(r, failing)
	}
	return q.deployProblem(r, failing)
}

// startContainers deploys as API 1.6 does: it starts a container of the new release for each running one, and destroys
// the old ones when all new ones run. Two deploys at once therefore double the containers.
func (q *request) startContainers(r *release) (problem string) {
	if failing := q.failingType(r); failing != "" {
		q.waitForDeploy()
		return q.deployProblem(r, failing)
	}
	old := q.app.podsOf("")
	for _, p := range old {
		q.app.pods = append(q.app.pods, q.newPod(p.procType, p.num, r))
	}
	q.waitForDeploy()
	q.app.pods = slices.DeleteFunc(q.app.pods, func(p *pod) bool { return slices.Contains(old, p) })
	if len(q.app.structure) == 0 {
		q.scaleTo(q.defaultStructure(r.build), r)
	}
	return ""
}

// waitForDeploy waits for the deploy delay and lets other requests run in the meantime. It does not end when the client
// leaves.
func (q *request) waitForDeploy() {
	if q.deployDelay <= 0 {
		return
	}
	q.app.deploying++
	q.mu.Unlock()
	sleep(context.Background(), q.deployDelay)
	q.mu.Lock()
	q.app.deploying--
}

// releaseProblem returns why a release is refused before it gets to the scheduler, "" if it is not.
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

// failingType returns the process type of a release that the scheduler refuses, "" if none.
func (q *request) failingType(r *release) string {
	variable, failing := r.config.fields["values"]["K8S_FAIL"]
	_, tag, _ := strings.Cut(r.build.image, ":"+k8sFail)
	if !failing && !q.kubernetesDown && !strings.Contains(r.build.image, ":"+k8sFail) {
		return ""
	}
	procTypes := q.deployedTypes(r)
	for _, procType := range procTypes {
		if procType == variable || tag == "-"+procType {
			return procType
		}
	}
	return procTypes[len(procTypes)-1]
}

// k8sFail is the beginning of the tag of an image that cannot be deployed.
const k8sFail = "k8s-fail"

// canStart reports whether API 1.6 finds the command of the process that it starts first. For a build from git that is
// web, even if the build has no Procfile: then the release stays and nothing runs.
func (q *request) canStart(r *release) bool {
	if len(q.app.structure) > 0 {
		return true
	}
	_, web := q.defaultStructure(r.build)["web"]
	return !web || slices.Contains(r.build.procTypes(), "web")
}

// replaceOtherPods leaves what API 2.2 does when the deploy of a process type fails: the other types run the release that
// is deleted, and no list shows their pods, because lists show only pods of the newest release.
func (q *request) replaceOtherPods(r *release, failing string) {
	kept := q.app.podsOf(failing)
	q.replacePods(r)
	q.app.pods = slices.DeleteFunc(q.app.pods, func(p *pod) bool { return p.procType == failing })
	q.app.pods = append(q.app.pods, kept...)
}

// deployedTypes returns the process types of a release in the order in which they are deployed.
func (q *request) deployedTypes(r *release) []string {
	if len(q.app.structure) == 0 {
		return sortedKeys(q.defaultStructure(r.build))
	}
	return sortedKeys(q.app.structure)
}
