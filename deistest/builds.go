package deistest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A build is an image that an app can run.
type build struct {
	uuid, image, sha, dockerfile string
	procfile                     any // an object mostly; a list is taken as well
	owner                        *user
	created                      time.Time
}

type buildJSON struct {
	Owner      string `json:"owner"`
	App        string `json:"app"`
	Image      string `json:"image"`
	SHA        string `json:"sha"`
	Procfile   any    `json:"procfile"`
	Dockerfile string `json:"dockerfile"`
	Created    string `json:"created"`
	Updated    string `json:"updated"`
	UUID       string `json:"uuid"`
}

// noBuildJSON is what a Controller shows of a build when there is none.
type noBuildJSON struct {
	App        *string `json:"app"`
	Image      string  `json:"image"`
	SHA        string  `json:"sha"`
	Procfile   any     `json:"procfile"`
	Dockerfile string  `json:"dockerfile"`
}

func (q *request) buildJSON(b *build) buildJSON {
	return buildJSON{
		Owner: b.owner.username, App: q.app.id, Image: b.image, SHA: b.sha, Procfile: b.procfile,
		Dockerfile: b.dockerfile, Created: q.stamp(b.created), Updated: q.stamp(b.created), UUID: b.uuid,
	}
}

// types are the process types that a build names.
func (b *build) types() []string {
	switch p := b.procfile.(type) {
	case map[string]any:
		return sortedKeys(p)
	case []any:
		var list []string
		for _, v := range p {
			if s, ok := v.(string); ok {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}

// imageName is the last element of an image's name, without its tag.
func (b *build) imageName() string {
	name, _, _ := strings.Cut(b.image[strings.LastIndex(b.image, "/")+1:], ":")
	return name
}

// defaultStructure is what the first deployment of an app starts: a cmd process for an image that somebody built, a
// web process for what git built, unless it has no web process.
func (b *build) defaultStructure() map[string]int {
	types := b.types()
	if b.sha == "" || b.dockerfile != "" && len(types) == 0 || len(types) > 0 && !slices.Contains(types, "web") {
		return map[string]int{"cmd": 1}
	}
	return map[string]int{"web": 1}
}

func listBuilds(q *request) *response { return page(q, newestFirst(q.app.builds), q.buildJSON) }

// getBuild shows the last build, whichever is asked for, as recorded.
func getBuild(q *request) *response {
	if n := len(q.app.builds); n > 0 {
		return ok(q.buildJSON(q.app.builds[n-1]))
	}
	return ok(noBuildJSON{})
}

// createBuild stores a build, makes a release of it and deploys that.
func createBuild(q *request) *response {
	data, stop := q.jsonObject()
	if stop != nil {
		return stop
	}
	s := q.serializer(data)
	b := &build{
		uuid: newUUID(), owner: q.user, created: now(), procfile: map[string]any{},
		image: s.required("image", 256), sha: s.optional("sha", 40), dockerfile: s.optional("dockerfile", 1<<20),
	}
	if s.has("procfile") {
		b.procfile = data["procfile"]
	}
	if stop := s.refusal(); stop != nil {
		return stop
	}
	if source, isText := b.procfile.(string); isText { // JSON in a string is taken for what it says
		v, ok := parseJSON([]byte(source))
		if !ok {
			return q.crash()
		}
		b.procfile = v
	}
	before := q.app.latest()
	if q.v2() {
		q.removeTypes(before.build, b)
	}
	q.app.builds = append(q.app.builds, b)
	if q.v2() {
		q.log("INFO", "build %s-%s created", q.app.id, b.uuid[:7])
	}
	r := q.release(b, before.config, "")
	if fault := q.deploy(r); fault != nil {
		if q.v2() {
			q.app.builds = q.app.builds[:len(q.app.builds)-1]
		}
		return fault
	}
	return q.withRelease(created(q.buildJSON(b)), r)
}

// removeTypes scales what the new build does not have any more to nothing, as API 2.2 does beforehand.
func (q *request) removeTypes(old, new *build) {
	if old == nil {
		return
	}
	removed := map[string]int{}
	for _, procType := range old.types() {
		n, known := q.app.structure[procType]
		if !slices.Contains(new.types(), procType) && (n > 0 || !known) {
			removed[procType] = 0
		}
	}
	q.scaleTo(removed, q.app.latest())
}

// withRelease adds the headers that name the new release in API 1.6.
func (q *request) withRelease(resp *response, r *release) *response {
	if q.v2() {
		return resp
	}
	v := strconv.Itoa(r.version)
	return resp.withHeaders(map[string]string{"X-Deis-Release": v, "Deis-Release": v})
}

// deploy starts the pods of a release instead of those that run. Where that fails, real Controllers leave different
// things behind: 1.6 the build and, if the image is missing, the release; 2.2 nothing.
func (q *request) deploy(r *release) *response {
	problem := q.deployProblem(r)
	if problem == "" {
		q.replacePods(r)
		return nil
	}
	q.log("ERROR", "%s", problem)
	if q.v2() || !r.build.isMissing() {
		q.app.releases = q.app.releases[:len(q.app.releases)-1]
	}
	if q.v2() {
		return detail(http.StatusBadRequest, "%s", problem)
	}
	return detail(http.StatusServiceUnavailable, "%s", problem)
}

// isMissing tells whether the registry does not have the image.
func (b *build) isMissing() bool {
	return slices.Contains([]string{"nonexistent", "missing"}, b.imageName())
}

// deployProblem says why a release cannot be deployed.
func (q *request) deployProblem(r *release) string {
	_, failing := r.config.fields["values"]["K8S_FAIL"]
	failing = failing || strings.HasSuffix(r.build.image, ":k8s-fail")
	if !q.v2() {
		switch {
		case r.build.isMissing():
			return `GET Image Error (404: {"error": "Tag not found"})`
		case failing:
			return "aborting, failed to create some containers"
		}
		return ""
	}
	switch {
	case r.build.isMissing():
		return "image " + r.build.image + " not found"
	case r.build.imageName() == "noport":
		return "Expose a port or make the app non routable by changing the process type"
	case len(r.config.fields["registry"]) > 0 && r.config.fields["values"]["PORT"] == nil:
		return "PORT needs to be set in the config when using a private registry"
	case failing:
		procTypes := sortedKeys(q.app.structure)
		if len(procTypes) == 0 {
			procTypes = sortedKeys(r.build.defaultStructure())
		}
		return `(app::deploy): ` + noDeployment(q.app.id, procTypes[len(procTypes)-1])
	}
	return ""
}

// noDeployment is the scheduler's refusal in API 2.2.
func noDeployment(app, procType string) string {
	name := app + "-" + procType
	return `('failed to update Deployment "` + name + `": 500 Internal Server Error', '` + name + `')`
}
