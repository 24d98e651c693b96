package deistest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// configWait is how long a change of a configuration waits between reading the old one and writing the new one, if
// updates are to be lost.
const configWait = 10 * time.Millisecond

// A config is one state of an app's configuration. It never changes: a change makes another one.
type config struct {
	uuid    string
	owner   *user // who made it
	created time.Time
	fields  map[string]map[string]any // "values" and the like
}

type configJSON struct {
	UUID        string         `json:"uuid"`
	App         string         `json:"app"`
	Owner       string         `json:"owner"`
	Values      map[string]any `json:"values"`
	Memory      map[string]any `json:"memory"`
	CPU         map[string]any `json:"cpu"`
	Tags        map[string]any `json:"tags"`
	Registry    any            `json:"registry,omitempty"`    // API 2.2 only
	Healthcheck any            `json:"healthcheck,omitempty"` // API 2.2 only
	Created     string         `json:"created"`
	Updated     string         `json:"updated"`
}

// configFields are the parts of a configuration; those of API 1.6 come first.
var configFields = []string{"values", "memory", "cpu", "tags", "registry", "healthcheck"}

func (q *request) configFields() []string {
	if q.v2() {
		return configFields
	}
	return configFields[:4]
}

func (q *request) configJSON(cf *config) configJSON {
	field := func(name string) map[string]any {
		if m := cf.fields[name]; m != nil {
			return m
		}
		return map[string]any{}
	}
	j := configJSON{
		UUID: cf.uuid, App: q.app.id, Owner: cf.owner.username,
		Values: field("values"), Memory: field("memory"), CPU: field("cpu"), Tags: field("tags"),
		Created: q.stamp(cf.created), Updated: q.stamp(cf.created),
	}
	if q.v2() {
		j.Registry, j.Healthcheck = field("registry"), field("healthcheck")
	}
	return j
}

// changes says what a field has that it had not before: "added A, B, changed C, deleted D". The noun stands before
// the names.
func (cf *config) changes(before *config, field, noun string) string {
	now, old := cf.fields[field], before.fields[field]
	var added, changed, deleted []string
	for _, k := range sortedKeys(now) {
		if v, there := old[k]; !there {
			added = append(added, k)
		} else if string(encode(v)) != string(encode(now[k])) {
			changed = append(changed, k)
		}
	}
	for _, k := range sortedKeys(old) {
		if _, there := now[k]; !there {
			deleted = append(deleted, k)
		}
	}
	var parts []string
	for _, p := range []struct {
		verb  string
		names []string
	}{{"added ", added}, {"changed ", changed}, {"deleted ", deleted}} {
		if len(p.names) > 0 {
			parts = append(parts, p.verb+noun+strings.Join(p.names, ", "))
		}
	}
	return strings.Join(parts, ", ")
}

func getConfig(q *request) *response { return ok(q.configJSON(q.app.latest().config)) }

// setConfig merges changes into the configuration, makes a release of the result and deploys it if there is a build.
func setConfig(q *request) *response {
	data, stop := q.jsonObject()
	if stop != nil {
		return stop
	}
	changes, stop := q.configChanges(data)
	if stop != nil {
		return stop
	}
	old := q.app.config
	if q.v2() {
		old = q.app.latest().config // 1.6 merges with the last one that was made, rolled back or not
	}
	before := q.app.latest()
	if q.lostUpdates {
		before = q.dawdle()
	}
	cf, stop := q.merge(old, changes)
	if stop != nil {
		return stop
	}
	if q.v2() && !slices.ContainsFunc(configFields, func(f string) bool {
		return cf.changes(before.config, f, "") != ""
	}) {
		return detail(http.StatusConflict, "%s changed nothing - release stopped", q.user.username)
	}
	q.app.config = cf
	if before != q.app.latest() {
		return q.crash() // another change made the release of that number; in 1.6 this one is stored all the same
	}
	if !q.v2() && poisoned(cf) {
		return q.crash()
	}
	if q.v2() {
		if before.build != nil && hasNumber(data["cpu"]) {
			return detail(http.StatusBadRequest, "(app::deploy): 'int' object has no attribute 'lower'")
		}
		q.log("INFO", "config %s-%s updated", q.app.id, cf.uuid[:7])
	}
	r := q.release(before.build, cf, "")
	if r.build != nil {
		if fault := q.deploy(r); fault != nil {
			return fault // 1.6 keeps the change, and the next one revives it
		}
	}
	return q.withRelease(created(q.setConfigJSON(cf, r)), r)
}

// setConfigJSON is the answer to a change. Once there is a build, that of API 1.6 has what the platform adds to the
// environment, and lacks what the image defines itself; later reads are without that.
func (q *request) setConfigJSON(cf *config, r *release) configJSON {
	j := q.configJSON(cf)
	if q.v2() || r.build == nil {
		return j
	}
	shown := map[string]any{"DEIS_APP": q.app.id, "DEIS_RELEASE": "v" + strconv.Itoa(r.version)}
	for k, v := range j.Values {
		if k != "PATH" { // the one variable that all images define
			shown[k] = v
		}
	}
	j.Values = shown
	return j
}

// dawdle lets other requests go on in the middle of a change, and returns the release that the change then takes for
// the latest. Every second change looks for it late and overwrites what the others did meanwhile; the rest collide.
func (q *request) dawdle() *release {
	q.changes++
	late, before := q.changes%2 == 0, q.app.latest()
	q.mu.Unlock()
	sleep(q.http.Context(), configWait)
	q.mu.Lock()
	if late {
		return q.app.latest()
	}
	return before
}

// merge applies changes to a configuration: null removes, and is refused by API 2.2 where nothing is set.
func (q *request) merge(old *config, changes map[string]map[string]any) (*config, *response) {
	cf := &config{uuid: newUUID(), owner: q.user, created: now(), fields: map[string]map[string]any{}}
	for _, field := range configFields {
		merged := map[string]any{}
		for k, v := range old.fields[field] {
			merged[k] = v
		}
		for _, k := range sortedKeys(changes[field]) {
			v := changes[field][k]
			if _, set := merged[k]; !set && v == nil && q.v2() {
				return nil, detail(http.StatusUnprocessableEntity, "%s does not exist under %s", k, field)
			}
			switch probes, isObject := v.(map[string]any); {
			case v == nil:
				delete(merged, k)
			case field == "healthcheck" && isObject:
				merged[k] = mergeProbes(merged[k], probes)
			default:
				merged[k] = v
			}
		}
		cf.fields[field] = merged
	}
	if q.v2() {
		cf.moveHealthcheck()
	}
	return cf, nil
}

// mergeProbes changes some probes of a process type.
func mergeProbes(old any, changes map[string]any) map[string]any {
	merged := map[string]any{}
	if m, ok := old.(map[string]any); ok {
		for k, v := range m {
			merged[k] = v
		}
	}
	for k, v := range changes {
		if v == nil {
			delete(merged, k)
		} else {
			merged[k] = v
		}
	}
	return merged
}

// moveHealthcheck turns the variables that made the health check of API 1.6 into that of API 2.2.
func (cf *config) moveHealthcheck() {
	values := cf.fields["values"]
	url, set := values["HEALTHCHECK_URL"]
	if !set {
		return
	}
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(fmt.Sprint(values["HEALTHCHECK_"+name])); err == nil {
			return n
		}
		return otherwise
	}
	probe := map[string]any{
		"initialDelaySeconds": number("INITIAL_DELAY", 50), "timeoutSeconds": number("TIMEOUT", 50),
		"periodSeconds": number("PERIOD_SECONDS", 10), "successThreshold": number("SUCCESS_THRESHOLD", 1),
		"failureThreshold": number("FAILURE_THRESHOLD", 3), "httpGet": map[string]any{"path": url},
	}
	cf.fields["healthcheck"]["web/cmd"] = map[string]any{"livenessProbe": probe, "readinessProbe": probe}
	for name := range values {
		if strings.HasPrefix(name, "HEALTHCHECK_") {
			delete(values, name)
		}
	}
}
