package deistest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// configWait is how long a change waits between reading the old configuration and writing the new one, with
// WithLostUpdates.
const configWait = 10 * time.Millisecond

// A config is one state of an app's configuration. It is immutable: a change makes another one.
type config struct {
	uuid    string
	owner   *user // who made it
	created time.Time
	fields  map[string]map[string]any // by the names in configFields, such as "values"
}

type configJSON struct {
	UUID        string         `json:"uuid"`
	App         string         `json:"app"`
	Owner       string         `json:"owner"`
	Values      map[string]any `json:"values"`
	Memory      map[string]any `json:"memory"`
	CPU         map[string]any `json:"cpu"`
	Tags        map[string]any `json:"tags"`
	Registry    any            `json:"registry,omitempty"` // from API 2.2 on
	Healthcheck map[string]any `json:"healthcheck,omitzero"`
	PostStart   any            `json:"lifecycle_post_start,omitempty"` // from API 2.3 on
	PreStop     any            `json:"lifecycle_pre_stop,omitempty"`
	GracePeriod any            `json:"termination_grace_period,omitempty"`
	Created     string         `json:"created"`
	Updated     string         `json:"updated"`
}

func (q *request) configJSON(cf *config) configJSON {
	j := configJSON{
		UUID: cf.uuid, App: q.app.id, Owner: cf.owner.username,
		Values: q.shown(cf, "values"), Memory: q.shown(cf, "memory"), CPU: q.shown(cf, "cpu"), Tags: q.shown(cf, "tags"),
		Created: q.stamp(cf.created), Updated: q.stamp(cf.created),
	}
	if q.v2() {
		j.Registry, j.Healthcheck = q.shown(cf, "registry"), q.shown(cf, "healthcheck")
	}
	if q.late23() {
		j.PostStart, j.PreStop = q.shown(cf, "lifecycle_post_start"), q.shown(cf, "lifecycle_pre_stop")
		j.GracePeriod = q.shown(cf, "termination_grace_period")
	}
	return j
}

// shown returns a field of a configuration as responses show it. API 2.x stores what was sent, and shows it as text; CPU
// shares in API 1.6 are numbers.
func (q *request) shown(cf *config, field string) map[string]any {
	entries := map[string]any{}
	for k, v := range cf.fields[field] {
		if field != "healthcheck" && (q.v2() || field != "cpu") {
			v = q.pythonString(v)
		}
		entries[k] = v
	}
	return entries
}

// changes describes how a field differs from before: "added A, B, changed C, deleted D". The noun is put before the
// names.
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

// setConfig merges changes into the configuration, makes a release and, if there is a build, deploys it.
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
		old = q.app.latest().config // 1.6 merges into the newest configuration, even if it was rolled back
	}
	before := q.app.latest()
	if q.lostUpdates {
		before = q.pauseMidChange()
	}
	cf, stop := q.merge(old, changes)
	if stop == nil && q.v2() {
		stop = q.configRefusal(cf, before.config)
	}
	if stop != nil {
		return stop
	}
	q.app.config = cf
	if before != q.app.latest() {
		return q.collision(before) // another change took the release number; 1.6 stores this configuration anyway
	}
	if !q.v2() && poisoned(cf, before.config) {
		return q.crash()
	}
	if q.v2() {
		q.log("INFO", "config %s-%s updated", q.app.id, cf.uuid[:7])
	}
	r := q.addRelease(before.build, cf, "")
	if r.build != nil {
		if stop := q.deploy(r, causeConfig); stop != nil {
			return stop // 1.6 keeps the configuration, and the next change includes it
		}
	}
	return q.withRelease(created(q.setConfigJSON(cf, r)), r)
}

// configRefusal returns the refusal of API 2.x to make a release of a configuration, or nil.
func (q *request) configRefusal(cf, old *config) *response {
	if len(cf.fields["registry"]) > 0 && cf.fields["values"]["PORT"] == nil {
		return detail(http.StatusBadRequest, needsPort)
	}
	if problem := q.tagsProblem(cf, old); problem != "" {
		return detail(http.StatusBadRequest, "%s", problem)
	}
	for _, field := range configFields {
		if cf.changes(old, field.name, "") != "" && field.name != "lifecycle_pre_stop" { // which does not count as a change
			return nil
		}
	}
	return detail(http.StatusConflict, "%s changed nothing - release stopped", q.user.username)
}

const needsPort = "PORT needs to be set in the config when using a private registry"

// tagsProblem returns the problem that no node has all tags of a configuration, or "".
func (q *request) tagsProblem(cf, old *config) string {
	tags, before := cf.fields["tags"], old.fields["tags"]
	if len(tags) == 0 || len(q.nodes) == 0 || slices.ContainsFunc(q.nodes, func(labels map[string]string) bool {
		for k, v := range tags {
			if label, set := labels[k]; !set || label != q.pythonString(v) {
				return false
			}
		}
		return true
	}) {
		return ""
	}
	var all, added []string
	for _, k := range sortedKeys(tags) {
		tag := k + "=" + q.pythonString(tags[k])
		all = append(all, tag)
		if before[k] != tags[k] {
			added = append(added, tag)
		}
	}
	problem := "No nodes matched the provided labels: " + strings.Join(all, ", ")
	if len(before) > 0 {
		problem += " - Addition of " + strings.Join(added, ", ") + " is the cause"
	}
	return problem
}

// poisoned reports whether the name of a variable crashes API 1.6 when it is published. From then on every change crashes
// until the variable is unset. An empty name crashes it only while no other variables are published.
func poisoned(cf, published *config) bool {
	for name := range cf.fields["values"] {
		if name == "" && len(published.fields["values"]) == 0 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return true
		}
	}
	return false
}

// setConfigJSON returns the body of the response to a change. Once there is a build, API 1.6 adds the platform's own
// variables and leaves out those that the image defines; later reads show the configuration itself.
func (q *request) setConfigJSON(cf *config, r *release) configJSON {
	j := q.configJSON(cf)
	switch {
	case r.build == nil:
		return j
	case q.v2():
		q.withPort(j.Healthcheck, cf)
		return j
	}
	shown := map[string]any{"DEIS_APP": q.app.id, "DEIS_RELEASE": "v" + strconv.Itoa(r.version)}
	for k, v := range j.Values {
		if k != "PATH" { // which all images define
			shown[k] = v
		}
	}
	j.Values = shown
	return j
}

// pauseMidChange lets other requests run in the middle of a change, and returns the release that the change takes for the
// latest. Every second change looks it up after the pause, and overwrites what others changed; the rest collide.
func (q *request) pauseMidChange() *release {
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

// merge applies changes to a configuration. Null unsets a key; API 2.x refuses to unset one that is not set.
func (q *request) merge(old *config, changes map[string]map[string]any) (*config, *response) {
	cf := &config{uuid: newUUID(), owner: q.user, created: now(), fields: map[string]map[string]any{}}
	for _, field := range configFields {
		merged, unknown := mergeField(field.name, old.fields[field.name], changes[field.name])
		if len(unknown) > 0 && q.v2() {
			return nil, detail(http.StatusUnprocessableEntity, "%s does not exist under %s", unknown[0], field.name)
		}
		cf.fields[field.name] = merged
	}
	if q.v2() {
		cf.moveHealthcheck()
	}
	return cf, nil
}

// mergeField applies changes to one field. It also returns the keys that the changes unset although they were not set.
func mergeField(field string, old, changes map[string]any) (merged map[string]any, unknown []string) {
	if merged = maps.Clone(old); merged == nil {
		merged = map[string]any{}
	}
	if field == "healthcheck" {
		changes = probesOfApp(changes)
	}
	for _, k := range sortedKeys(changes) {
		v := changes[k]
		_, known := merged[k]
		switch {
		case v == nil:
			delete(merged, k)
		case field == "healthcheck":
			merged[k], known = mergeProbes(merged[k], v.(map[string]any))
		case field == "registry":
			merged[strings.ToLower(k)], known = v, true // unsetting does not lower the case
		default:
			merged[k], known = v, true
		}
		if !known {
			unknown = append(unknown, k)
		}
	}
	return merged, unknown
}

// probesOfApp takes probes in place of process types for those of "web/cmd". Only null probes get this far.
func probesOfApp(entries map[string]any) map[string]any {
	probes := map[string]any{}
	for _, name := range []string{"livenessProbe", "readinessProbe"} {
		if v, there := entries[name]; there {
			probes[name] = v
		}
	}
	if len(probes) == 0 {
		return entries
	}
	return map[string]any{webCmd: probes}
}

// webCmd is the key for the processes without a health check of their own.
const webCmd = "web/cmd"

// mergeProbes applies changes to the probes of a process type. It reports whether all probes that they unset were set.
func mergeProbes(old any, changes map[string]any) (merged map[string]any, known bool) {
	probes, _ := old.(map[string]any)
	if merged = maps.Clone(probes); merged == nil {
		merged = map[string]any{}
	}
	known = true
	for name, probe := range changes {
		if _, set := merged[name]; probe == nil && !set {
			known = false
		}
		merged[name] = probe
	}
	maps.DeleteFunc(merged, func(_ string, probe any) bool { return probe == nil })
	return merged, known
}

// withPort adds the port to the liveness probe that a response shows, as a deploy of API 2.2 does. Later reads do not
// show it.
func (q *request) withPort(shown map[string]any, cf *config) {
	probes, _ := shown[webCmd].(map[string]any)
	probe, _ := probes["livenessProbe"].(map[string]any)
	check, _ := probe["httpGet"].(map[string]any)
	if _, set := check["port"]; set || check == nil || q.v23() {
		return
	}
	port, problem := q.pythonInt(cf.fields["values"]["PORT"])
	if problem != "" {
		port = defaultPort
	}
	probes, probe, check = maps.Clone(probes), maps.Clone(probe), maps.Clone(check)
	check["port"] = port
	probe["httpGet"], probes["livenessProbe"], shown[webCmd] = check, probe, probes
}

// defaultPort is where an app listens unless PORT is set.
const defaultPort = 5000

// moveHealthcheck turns the HEALTHCHECK_ variables of API 1.6 into the health check of API 2.x.
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
	probe := func() map[string]any {
		return map[string]any{
			"initialDelaySeconds": number("INITIAL_DELAY", 50), "timeoutSeconds": number("TIMEOUT", 50),
			"periodSeconds": number("PERIOD_SECONDS", 10), "successThreshold": number("SUCCESS_THRESHOLD", 1),
			"failureThreshold": number("FAILURE_THRESHOLD", 3), "httpGet": map[string]any{"path": url},
		}
	}
	cf.fields["healthcheck"][webCmd] = map[string]any{"livenessProbe": probe(), "readinessProbe": probe()}
	for name := range values {
		if strings.HasPrefix(name, "HEALTHCHECK_") {
			delete(values, name)
		}
	}
}
