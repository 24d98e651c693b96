package deistest

import (
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxPods is how many pods of one process type the scheduler accepts. The recorded one refused 99.
const maxPods = 98

// A pod is a process of an app; API 1.6 calls it a container.
type pod struct {
	uuid     string
	procType string
	num      int    // within its type, API 1.6
	name     string // API 2.x
	release  int
	created  time.Time
	up       time.Time // when its state becomes "up"
	crashed  bool
}

type podJSON struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Release string `json:"release"`
	Type    string `json:"type"`
	Started string `json:"started"`
}

type containerJSON struct {
	Owner   string `json:"owner"`
	App     string `json:"app"`
	Release string `json:"release"`
	Type    string `json:"type"`
	Num     int    `json:"num"`
	State   string `json:"state"`
	Created string `json:"created"`
	Updated string `json:"updated"`
	UUID    string `json:"uuid"`
}

func (q *request) podJSON(p *pod) podJSON {
	return podJSON{
		Name: p.name, State: q.podState(p), Release: "v" + strconv.Itoa(p.release), Type: p.procType,
		Started: q.stamp(p.created),
	}
}

func (q *request) containerJSON(p *pod) containerJSON {
	return containerJSON{
		Owner: q.app.owner.username, App: q.app.id, Release: "v" + strconv.Itoa(p.release), Type: p.procType, Num: p.num,
		State: q.podState(p), Created: q.stamp(p.created), Updated: q.stamp(p.created), UUID: p.uuid,
	}
}

// podState derives a pod's state from the time, so that nothing has to run in the background.
func (c *Controller) podState(p *pod) string {
	switch {
	case p.procType == "run":
		return "initialized" // forever, as recorded
	case p.crashed:
		return "crashed"
	case !now().Before(p.up):
		return "up"
	case c.v2():
		return "initializing"
	}
	return "created"
}

// CrashPod sets the state of a pod to "crashed" until it is restarted or replaced. Name the pod by its name, or by
// process type and number, as in "web.1"; the containers of API 1.6 have no names.
func (c *Controller) CrashPod(appID, pod string) error {
	return c.withApp(appID, func(a *app) error {
		for _, p := range a.pods {
			if p.name == pod || fmt.Sprintf("%s.%d", p.procType, p.num) == pod {
				p.crashed = true
				return nil
			}
		}
		return fmt.Errorf("deistest: the app %s has no pod %s", appID, pod)
	})
}

func (q *request) newPod(procType string, num int, r *release) *pod {
	replicaSet := fnv.New32a()
	fmt.Fprint(replicaSet, q.app.uuid, procType, r.version)
	return &pod{
		uuid: newUUID(), procType: procType, num: num, release: r.version, created: now(), up: now().Add(q.startDelay),
		name: fmt.Sprintf("%s-%s-%d-%s", q.app.id, procType, replicaSet.Sum32()|1<<31, podSuffix()), // ten digits
	}
}

// nextNum returns one more than the highest number of a process type.
func (a *app) nextNum(procType string) int {
	highest := 0
	for _, p := range a.pods {
		if p.procType == procType {
			highest = max(highest, p.num)
		}
	}
	return highest + 1
}

// podsOf returns the pods of a process type; for "", all pods except those of one-off commands.
func (a *app) podsOf(procType string) []*pod {
	var list []*pod
	for _, p := range a.pods {
		if procType == p.procType || procType == "" && p.procType != "run" {
			list = append(list, p)
		}
	}
	return list
}

// isNamed reports whether a pod has a name. The name may lack the id of the app, as recorded.
func (a *app) isNamed(p *pod, name string) bool { return name == p.name || a.id+"-"+name == p.name }

// replacePods replaces the running pods by those of a release, in API 2.x: as many of each type as wantedPods returns.
func (q *request) replacePods(r *release) {
	a := q.app
	a.pods = a.podsOf("run")
	if len(a.structure) == 0 {
		a.structure = q.defaultStructure(r.build)
		q.touch(a)
	}
	for _, procType := range sortedKeys(a.structure) {
		for n := range min(q.wantedPods(procType), maxPods) {
			a.pods = append(a.pods, q.newPod(procType, n+1, r))
		}
	}
}

// scaleTo starts and stops pods until counts is reached.
func (q *request) scaleTo(counts map[string]int, r *release) {
	if len(counts) == 0 {
		return
	}
	what := "pods"
	if !q.v2() {
		what = "containers"
		q.scaleContainers(counts, r)
	} else if !q.scalePods(counts, r) {
		return // without a line in the log
	}
	q.touch(q.app)
	var words []string
	for _, procType := range sortedKeys(counts) {
		words = append(words, fmt.Sprintf("%s=%d", procType, counts[procType]))
	}
	q.log("INFO", "%s scaled %s %s", q.user.username, what, strings.Join(words, " "))
}

// scalePods scales in API 2.x. It reports whether the structure changed.
func (q *request) scalePods(counts map[string]int, r *release) bool {
	before := maps.Clone(q.app.structure)
	maps.Copy(q.app.structure, counts)
	for _, procType := range sortedKeys(counts) {
		q.runPods(procType, q.wantedPods(procType), r)
	}
	return !maps.Equal(before, q.app.structure)
}

// scaleContainers scales in API 1.6. If it starts or stops anything, it makes a new structure of counts and of the
// containers of other types. Other types that were at 0 are not in it.
func (q *request) scaleContainers(counts map[string]int, r *release) {
	changed := false
	for _, procType := range sortedKeys(counts) {
		changed = changed || counts[procType] != len(q.app.podsOf(procType))
		q.runPods(procType, counts[procType], r)
	}
	if !changed {
		return
	}
	q.app.structure = maps.Clone(counts)
	for _, p := range q.app.podsOf("") {
		if _, asked := counts[p.procType]; !asked {
			q.app.structure[p.procType]++
		}
	}
}

// runPods starts and stops pods of a process type until there are n. The newest are stopped first.
func (q *request) runPods(procType string, n int, r *release) {
	running := q.app.podsOf(procType)
	for range n - len(running) {
		q.app.pods = append(q.app.pods, q.newPod(procType, q.app.nextNum(procType), r))
	}
	for _, p := range running[min(n, len(running)):] {
		q.app.pods = slices.DeleteFunc(q.app.pods, func(other *pod) bool { return other == p })
	}
}

// scaleApp changes the number of pods of some types.
func scaleApp(q *request) *response {
	data, stop := q.anyObject()
	if stop != nil {
		return stop
	}
	counts, stop := q.scaleCounts(data)
	if stop != nil {
		return stop
	}
	if q.v2() && q.app.hasCounts(counts) {
		return empty(http.StatusNoContent) // even if other pods run: a 503 stored the numbers and left the pods
	}
	if stop := q.checkCapacity(counts); stop != nil {
		return stop
	}
	firstPods := slices.ContainsFunc(sortedKeys(counts), func(procType string) bool {
		return counts[procType] > 0 && len(q.app.podsOf(procType)) == 0
	})
	// Starting the first pods of a type checks the names of all types.
	if stop := q.typeNameRefusal(q.app.structure); stop != nil && firstPods && q.v2() {
		maps.Copy(q.app.structure, counts)
		return stop
	}
	q.scaleTo(counts, q.app.latest())
	return empty(http.StatusNoContent)
}

// hasCounts reports whether an app's structure already has these counts.
func (a *app) hasCounts(counts map[string]int) bool {
	for procType, n := range counts {
		if now, known := a.structure[procType]; !known || now != n {
			return false
		}
	}
	return true
}

// checkCapacity refuses counts that cannot be scheduled. API 2.x stores them anyway. API 1.6 keeps releases that
// cannot run, and cannot start more pods of them.
func (q *request) checkCapacity(counts map[string]int) *response {
	latest := q.app.latest()
	cannotRun := !q.v2() && (q.releaseProblem(latest) != "" || q.failingType(latest) != "")
	for _, procType := range sortedKeys(counts) {
		starts := counts[procType] > len(q.app.podsOf(procType))
		switch {
		case counts[procType] <= maxPods && !q.kubernetesDown && !(cannotRun && starts):
			continue
		case q.v2():
			maps.Copy(q.app.structure, counts)
		}
		return q.scaleRefusal(procType)
	}
	return nil
}

// visiblePods returns the pods that the Controller can see: those of the latest release, or none without the cluster.
func (q *request) visiblePods(procType string) []*pod {
	if q.kubernetesDown {
		return nil
	}
	latest := q.app.latest().version
	return slices.DeleteFunc(q.app.podsOf(procType), func(p *pod) bool { return p.release != latest })
}

// listPods lists pods in API 2.x, without pages: all, those of a process type, or one pod. The type in the path of one
// pod is ignored.
func listPods(q *request) *response {
	procType, name := q.vars["type"], q.vars["pod"]
	if name != "" {
		procType = ""
	}
	var list struct {
		Results []podJSON `json:"results"`
		Count   int       `json:"count"`
	}
	list.Results = []podJSON{}
	for _, p := range q.visiblePods(procType) {
		if (name == "" || q.app.isNamed(p, name)) && p.procType != "run" { // left behind by API 1.6
			list.Results = append(list.Results, q.podJSON(p))
		}
	}
	list.Count = len(list.Results)
	return ok(list)
}

// listContainers lists pods in API 1.6: all, or those of a process type.
func listContainers(q *request) *response {
	return page(q, q.app.podsOf(q.vars["type"]), q.containerJSON)
}

// getContainer returns one container. It is not documented.
func getContainer(q *request) *response {
	for _, p := range q.app.podsOf(q.vars["type"]) {
		if strconv.Itoa(p.num) == q.vars["pod"] {
			return ok(q.containerJSON(p))
		}
	}
	return q.crash()
}

// restart restarts the pods of an app or of a process type, or one pod.
func restart(q *request) *response {
	if stop := q.findApp(); stop != nil {
		switch {
		case q.v2():
		case q.app == nil:
			return detail(http.StatusServiceUnavailable, "No App matches the given query.")
		default:
			return detail(http.StatusServiceUnavailable, "%s", noPermission)
		}
		return stop
	}
	procType, name := q.vars["type"], q.vars["pod"]
	if q.v2() {
		return q.restartPods(procType, name)
	}
	if name != "" {
		if _, problem := q.pythonInt(name); problem != "" {
			return detail(http.StatusServiceUnavailable, "%s", problem)
		}
	}
	restarted := []containerJSON{}
	for _, p := range q.app.pods {
		if (procType == "" || procType == p.procType) && (name == "" || name == strconv.Itoa(p.num)) {
			p.crashed, p.up = false, now().Add(q.startDelay)
			restarted = append(restarted, q.containerJSON(p))
		}
	}
	return ok(restarted)
}

// restartPods replaces pods by new ones and returns pods of the type, but not necessarily the new ones: for a name that
// no pod has, it is another pod of the type, and for a name in place of the type, none. This is as recorded.
func (q *request) restartPods(procType, name string) *response {
	for _, p := range q.visiblePods(procType) {
		if name == "" || q.app.isNamed(p, name) {
			q.app.pods = slices.DeleteFunc(q.app.pods, func(other *pod) bool { return other == p })
			q.app.pods = append(q.app.pods, q.newPod(p.procType, p.num, &release{version: p.release}))
		}
	}
	restarted := []podJSON{}
	for _, p := range q.visiblePods(procType) {
		if name == "" || len(restarted) == 0 {
			restarted = append(restarted, q.podJSON(p))
		}
	}
	return ok(restarted)
}
