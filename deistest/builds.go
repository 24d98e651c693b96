package deistest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A build is an image that an app can run.
type build struct {
	uuid, image, sha, dockerfile string
	procfile                     any // usually an object; a list is accepted, too
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

// noBuildJSON is what a Controller shows when there is no build.
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

// procTypes returns the process types that a build names.
func (b *build) procTypes() []string {
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

// imageName returns the last element of an image's name, without its tag.
func (b *build) imageName() string {
	name, _, _ := strings.Cut(b.image[strings.LastIndex(b.image, "/")+1:], ":")
	return name
}

// defaultStructure returns what the first deploy of an app starts: a cmd process for an image that a client built, a
// web process for what was built from git, unless its Procfile lacks one. Late servers also start the web process of an
// image.
func (q *request) defaultStructure(b *build) map[string]int {
	types := b.procTypes()
	hasWeb := slices.Contains(types, "web")
	if b.sha == "" && !(hasWeb && q.late23()) || b.dockerfile != "" && len(types) == 0 || len(types) > 0 && !hasWeb {
		return map[string]int{"cmd": 1}
	}
	return map[string]int{"web": 1}
}

func listBuilds(q *request) *response { return page(q, newestFirst(q.app.builds), q.buildJSON) }

// getBuild returns the newest build, whichever the path names, as recorded. Late servers, which keep failed builds,
// return the one that runs.
func getBuild(q *request) *response {
	if q.late23() {
		if b := q.app.latest().build; b != nil {
			return ok(q.buildJSON(b))
		}
	} else if n := len(q.app.builds); n > 0 {
		return ok(q.buildJSON(q.app.builds[n-1]))
	}
	return ok(noBuildJSON{})
}

// createBuild stores a build, makes a release of it and deploys the release.
func createBuild(q *request) *response {
	data, stop := q.jsonObject()
	if stop != nil {
		return stop
	}
	s := q.serializer(data)
	b := &build{uuid: newUUID(), owner: q.user, created: now(), image: s.text("image", imageField),
		sha: s.text("sha", shaField), dockerfile: s.text("dockerfile", dockerfileField)}
	if b.procfile, stop = s.procfile(); stop != nil {
		return stop
	}
	if stop := s.refusal(); stop != nil {
		return stop
	}
	if q.app.incomplete {
		return detail(http.StatusBadRequest, noSettings)
	}
	before := q.app.latest()
	if stop := q.stopRemovedTypes(b); stop != nil {
		return stop
	}
	q.app.builds = append(q.app.builds, b)
	if q.v2() {
		q.log("INFO", "build %s-%s created", q.app.id, b.uuid[:7])
	}
	r := q.addRelease(b, before.config, "")
	if stop := q.deploy(r, causeBuild); stop != nil {
		if q.v2() && !q.late23() {
			q.app.builds = slices.DeleteFunc(q.app.builds, func(other *build) bool { return other == b })
		}
		return stop
	}
	return q.withRelease(created(q.buildJSON(b)), r)
}

// stopRemovedTypes stops the process types that a new build no longer has. It runs before the deploy, and they stay
// stopped if that fails: API 2.x sets their counts to 0, and API 1.6 destroys their containers but keeps the counts.
func (q *request) stopRemovedTypes(b *build) *response {
	removed := map[string]int{}
	for _, procType := range q.previousTypes() {
		n, known := q.app.structure[procType]
		if !slices.Contains(b.procTypes(), procType) && (n > 0 || !known || !q.v2()) {
			removed[procType] = 0
		}
	}
	if !q.v2() {
		for procType := range removed {
			q.runPods(procType, 0, nil)
		}
		return nil
	}
	q.scaleTo(removed, q.app.latest())
	return q.typeNameRefusal(removed)
}

// previousTypes returns the process types of the newest build, even if it failed; from API 2.3 on, of the one that runs.
func (q *request) previousTypes() []string {
	latest := q.app.latest().build
	if n := len(q.app.builds); n > 0 && !q.v23() {
		latest = q.app.builds[n-1]
	}
	if latest == nil {
		return nil
	}
	return latest.procTypes()
}

// typeNameRefusal refuses to scale a process type whose name Kubernetes does not accept. A Procfile of API 2.2 can have
// one.
func (q *request) typeNameRefusal(counts map[string]int) *response {
	for _, procType := range sortedKeys(counts) {
		if !isNameInCluster(procType) && !q.v23() {
			return detail(http.StatusServiceUnavailable, `(scale): ('failed to create Deployment "%[1]s-%[2]s" in Namespace `+
				`"%[1]s": 409 Conflict', '%[1]s-%[2]s', '%[1]s')`, q.app.id, procType)
		}
	}
	return nil
}

// withRelease adds the headers in which API 1.6 names the new release.
func (q *request) withRelease(resp *response, r *release) *response {
	if q.v2() {
		return resp
	}
	v := strconv.Itoa(r.version)
	return resp.withHeaders(map[string]string{"X-Deis-Release": v, "Deis-Release": v})
}

// isMissing reports whether the registry does not have the image.
func (b *build) isMissing() bool {
	return slices.Contains([]string{"nonexistent", "missing"}, b.imageName()) || strings.HasPrefix(b.image, "nonexistent/")
}

// hasNumericCPU reports whether the CPU limit of a deployed process type was sent as a number.
func (q *request) hasNumericCPU(r *release) bool {
	for procType := range q.app.structure {
		if _, isNumber := r.config.fields["cpu"][procType].(json.Number); isNumber {
			return true
		}
	}
	return false
}
