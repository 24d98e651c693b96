package deistest

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxPods is how many pods of one type the scheduler takes. The recorded one refused 99.
const maxPods = 98

// A pod is a process of an app; API 1.6 calls it a container.
type pod struct {
	uuid     string
	procType string
	num      int    // of its type, API 1.6
	name     string // API 2.2
	release  int
	created  time.Time
	up       time.Time // when it is started
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

// podState follows from the time, so that nothing has to run in the background.
func (c *Controller) podState(p *pod) string {
	switch {
	case p.procType == "run":
		return "initialized" // for ever, as recorded
	case p.crashed:
		return "crashed"
	case !now().Before(p.up):
		return "up"
	case c.v2():
		return "initializing"
	}
	return "created"
}

// CrashPod makes the state of a pod "crashed" until it is restarted or replaced. A pod is named as the pods resource
// of API 2.2 names it, or by type and number, "web.1", which is all that the containers of API 1.6 have.
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

// nextNum is one more than the highest number of a type.
func (a *app) nextNum(procType string) int {
	highest := 0
	for _, p := range a.pods {
		if p.procType == procType {
			highest = max(highest, p.num)
		}
	}
	return highest + 1
}

// podsOf are the pods of a type. Without one they are all pods but those of one-off commands.
func (a *app) podsOf(procType string) []*pod {
	var list []*pod
	for _, p := range a.pods {
		if procType == p.procType || procType == "" && p.procType != "run" {
			list = append(list, p)
		}
	}
	return list
}

// isNamed tells whether a name is that of a pod. It may lack the id of the app, as recorded.
func (a *app) isNamed(p *pod, name string) bool { return name == p.name || a.id+"-"+name == p.name }

// replacePods starts a release: each pod by a new one. API 2.2 starts what the structure says, 1.6 what runs.
func (q *request) replacePods(r *release) {
	a := q.app
	old := a.podsOf("")
	a.pods = a.podsOf("run")
	if !q.v2() {
		for _, p := range old {
			a.pods = append(a.pods, q.newPod(p.procType, p.num, r))
		}
		if len(a.structure) == 0 {
			q.scaleTo(r.build.defaultStructure(), r)
		}
		return
	}
	if len(a.structure) == 0 {
		a.structure = r.build.defaultStructure()
		q.touch(a)
	}
	for _, procType := range sortedKeys(a.structure) {
		for n := range min(a.structure[procType], maxPods) {
			a.pods = append(a.pods, q.newPod(procType, n+1, r))
		}
	}
}

// scaleTo starts and stops pods until there are as many of each type as asked for. The newest are stopped first.
func (q *request) scaleTo(counts map[string]int, r *release) {
	if len(counts) == 0 {
		return
	}
	var words []string
	for _, procType := range sortedKeys(counts) {
		words = append(words, fmt.Sprintf("%s=%d", procType, counts[procType]))
		running := q.app.podsOf(procType)
		for range counts[procType] - len(running) {
			q.app.pods = append(q.app.pods, q.newPod(procType, q.app.nextNum(procType), r))
		}
		for _, p := range running[min(counts[procType], len(running)):] {
			q.app.pods = slices.DeleteFunc(q.app.pods, func(other *pod) bool { return other == p })
		}
		q.app.structure[procType] = counts[procType]
	}
	q.touch(q.app)
	what := "containers"
	if q.v2() {
		what = "pods"
	}
	q.log("INFO", "%s scaled %s %s", q.user.username, what, strings.Join(words, " "))
}

// scaleApp changes the number of pods of some types.
func scaleApp(q *request) *response {
	data, stop := q.anyObject()
	if stop != nil {
		return stop
	}
	counts, problem := map[string]int{}, ""
	for _, procType := range sortedKeys(data) {
		if counts[procType], problem = q.pythonInt(data[procType]); problem != "" {
			return detail(http.StatusBadRequest, "Invalid scaling format: %s", problem)
		}
	}
	for _, n := range counts {
		if n < 0 && q.v2() {
			return detail(http.StatusBadRequest, "Invalid scaling format: ['Must be greater than or equal to zero']")
		} else if n < 0 {
			return detail(http.StatusBadRequest, "[u'Must be greater than or equal to zero']")
		}
	}
	r := q.app.latest()
	if r.build == nil {
		return detail(http.StatusBadRequest, "No build associated with this release")
	}
	for _, procType := range sortedKeys(counts) {
		if procType == "cmd" || slices.Contains(r.build.types(), procType) {
			continue
		}
		status := http.StatusBadRequest
		if q.v2() {
			status = http.StatusNotFound
		}
		return detail(status, "Container type %s does not exist in application", procType)
	}
	if fault := q.tooManyPods(counts); fault != nil {
		return fault
	}
	q.scaleTo(counts, r)
	return empty(http.StatusNoContent)
}

// tooManyPods refuses what does not fit. API 2.2 stores the number first and compares the next ones with it, so that
// the same request again changes nothing and is answered 204.
func (q *request) tooManyPods(counts map[string]int) *response {
	for _, procType := range sortedKeys(counts) {
		switch {
		case counts[procType] <= maxPods:
			continue
		case !q.v2():
			return detail(http.StatusServiceUnavailable, "aborting, failed to create some containers")
		case q.app.structure[procType] == counts[procType]:
			return empty(http.StatusNoContent)
		}
		for procType, n := range counts {
			q.app.structure[procType] = n
		}
		return detail(http.StatusServiceUnavailable, "(scale): %s", noDeployment(q.app.id, procType))
	}
	return nil
}

// listPods is the list of API 2.2, which has no pages: of all pods, of a type, or of one pod, whose type is not
// looked at then.
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
	for _, p := range q.app.podsOf(procType) {
		if (name == "" || q.app.isNamed(p, name)) && p.procType != "run" { // API 1.6 left those behind
			list.Results = append(list.Results, q.podJSON(p))
		}
	}
	list.Count = len(list.Results)
	return ok(list)
}

// listContainers is the list of API 1.6, of all containers or of a type.
func listContainers(q *request) *response {
	return page(q, q.app.podsOf(q.vars["type"]), q.containerJSON)
}

// getContainer shows one container. It is not documented.
func getContainer(q *request) *response {
	for _, p := range q.app.podsOf(q.vars["type"]) {
		if strconv.Itoa(p.num) == q.vars["pod"] {
			return ok(q.containerJSON(p))
		}
	}
	return q.crash()
}

// restart restarts the pods of an app, of a type, or one of them.
func restart(q *request) *response {
	if stop := q.findApp(); stop != nil {
		if stop.status == http.StatusNotFound && !q.v2() {
			return detail(http.StatusServiceUnavailable, "No App matches the given query.")
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

// restartPods replaces pods by new ones and answers as many pods of the type as were asked for, but not necessarily
// those: a pod's name that nobody has is answered with another pod of the type, and a name in the place of the type
// with nothing at all. So it was recorded.
func (q *request) restartPods(procType, name string) *response {
	for _, p := range q.app.podsOf(procType) {
		if name == "" || q.app.isNamed(p, name) {
			q.app.pods = slices.DeleteFunc(q.app.pods, func(other *pod) bool { return other == p })
			q.app.pods = append(q.app.pods, q.newPod(p.procType, p.num, &release{version: p.release}))
		}
	}
	restarted := []podJSON{}
	for _, p := range q.app.podsOf(procType) {
		if name == "" || len(restarted) == 0 {
			restarted = append(restarted, q.podJSON(p))
		}
	}
	return ok(restarted)
}
