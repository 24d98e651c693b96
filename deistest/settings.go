package deistest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// An appSettings is one state of an app's settings. It is immutable: a change makes another one.
type appSettings struct {
	uuid                  string
	owner                 *user // who made it
	created               time.Time
	maintenance, routable bool
	whitelist             []string       // from API 2.3 on, as are the two below
	autoscale             map[string]any // by process type
	label                 map[string]any
}

// settingsJSON22 are the settings of an app in API 2.2.
type settingsJSON22 struct {
	UUID        string `json:"uuid"`
	App         string `json:"app"`
	Owner       string `json:"owner"`
	Created     string `json:"created"`
	Updated     string `json:"updated"`
	Maintenance bool   `json:"maintenance"`
	Routable    bool   `json:"routable"`
}

// settingsJSON23 are the settings of an app in API 2.3.
type settingsJSON23 struct {
	UUID        string         `json:"uuid"`
	App         string         `json:"app"`
	Owner       string         `json:"owner"`
	Autoscale   map[string]any `json:"autoscale"`
	Label       map[string]any `json:"label,omitzero"` // nil in early servers, which have none
	Created     string         `json:"created"`
	Updated     string         `json:"updated"`
	Maintenance bool           `json:"maintenance"`
	Routable    bool           `json:"routable"`
	Whitelist   []string       `json:"whitelist"`
}

func (q *request) settingsJSON(st *appSettings) any {
	at := q.stamp(st.created)
	if !q.v23() {
		return settingsJSON22{st.uuid, q.app.id, st.owner.username, at, at, st.maintenance, st.routable}
	}
	j := settingsJSON23{st.uuid, q.app.id, st.owner.username, st.autoscale, st.label, at, at,
		st.maintenance, st.routable, st.whitelist}
	if q.early23 {
		j.Label = nil
	}
	return j
}

// currentSettings returns the settings of an app, which are the defaults before the first change.
func (a *app) currentSettings() *appSettings {
	if a.settings == nil {
		a.settings = &appSettings{uuid: newUUID(), owner: a.owner, created: a.created, routable: true,
			whitelist: []string{}, autoscale: map[string]any{}, label: map[string]any{}}
	}
	return a.settings
}

func getSettings(q *request) *response { return ok(q.settingsJSON(q.app.currentSettings())) }

// setSettings changes what the body names and keeps the rest.
func setSettings(q *request) *response {
	data, stop := q.jsonObject()
	if stop != nil {
		return stop
	}
	next := q.nextSettings()
	s := q.serializer(data)
	setBool(&next.maintenance, s.boolean("maintenance"))
	setBool(&next.routable, s.boolean("routable"))
	if q.v23() {
		var autoscale, label map[string]any
		if autoscale, stop = s.jsonField("autoscale"); stop != nil {
			return stop
		}
		if q.late23() {
			if label, stop = s.jsonField("label"); stop != nil {
				return stop
			}
		}
		s.checkAutoscale(autoscale)
		if list := s.whitelistField(); list != nil {
			next.whitelist = list
		}
		if stop := s.refusal(); stop != nil {
			return stop
		}
		if next.autoscale, stop = mergeObject("autoscale", next.autoscale, autoscale); stop != nil {
			return stop
		}
		if next.label, stop = mergeObject("label", next.label, label); stop != nil {
			return stop
		}
	}
	if stop := s.refusal(); stop != nil {
		return stop
	}
	if stop := q.storeSettings(next); stop != nil {
		return stop
	}
	return created(q.settingsJSON(next))
}

// nextSettings returns a copy of the current settings, for the user to change.
func (q *request) nextSettings() *appSettings {
	next := *q.app.currentSettings()
	next.uuid, next.owner, next.created = newUUID(), q.user, now()
	next.whitelist = slices.Clone(next.whitelist)
	return &next
}

// storeSettings makes settings the current ones. It refuses settings that change nothing.
func (q *request) storeSettings(next *appSettings) *response {
	if next.equal(q.app.currentSettings()) {
		return detail(http.StatusConflict, "%s changed nothing", q.user.username)
	}
	if stop := checkReplicas(next.autoscale); stop != nil {
		return stop
	}
	if stop := q.serviceRefusal(); stop != nil {
		if strings.Contains(q.http.URL.Path, "/settings") {
			stop.status = http.StatusBadRequest
		}
		return stop
	}
	q.app.settings = next
	q.log("INFO", "application settings %s-%s updated", q.app.id, next.uuid[:7])
	q.autoscale()
	return nil
}

func (st *appSettings) equal(old *appSettings) bool {
	inOrder := func(list []string) []string { return slices.Sorted(slices.Values(list)) }
	return st.maintenance == old.maintenance && st.routable == old.routable &&
		slices.Equal(inOrder(st.whitelist), inOrder(old.whitelist)) &&
		string(encode(st.autoscale)) == string(encode(old.autoscale)) &&
		string(encode(st.label)) == string(encode(old.label))
}

// mergeObject applies changes to an object. Null unsets a key, and is refused for a key that is not set.
func mergeObject(field string, old, changes map[string]any) (map[string]any, *response) {
	next := maps.Clone(old)
	for _, k := range sortedKeys(changes) {
		if changes[k] != nil {
			next[k] = changes[k]
			continue
		}
		if _, set := next[k]; !set {
			return nil, detail(http.StatusUnprocessableEntity, "%s does not exist under %s", k, field)
		}
		delete(next, k)
	}
	return next, nil
}

// checkAutoscale checks the bounds of each process type, but not the names of the types.
func (s *serializer) checkAutoscale(changes map[string]any) {
	for _, procType := range sortedKeys(changes) {
		if problem := autoscaleProblem(s.q, changes[procType]); problem != "" {
			s.fail("autoscale", "could not validate "+s.q.pythonString(changes[procType])+": "+problem)
			return
		}
	}
}

// bounds are the required fields of an autoscaler.
var bounds = []string{"min", "max", "cpu_percent"}

func autoscaleProblem(q *request, value any) string {
	if value == nil {
		return ""
	}
	object, isObject := value.(map[string]any)
	if !isObject {
		return q.pythonRepr(value) + " is not of type 'object'"
	}
	for _, name := range bounds {
		if _, given := object[name]; !given {
			return "'" + name + "' is a required property"
		}
	}
	for _, name := range bounds {
		if n, isNumber := object[name].(json.Number); !isNumber || strings.Contains(n.String(), ".") {
			return q.pythonRepr(object[name]) + " is not of type 'integer'"
		}
	}
	return ""
}

// checkReplicas refuses bounds of autoscalers that Kubernetes does not accept.
func checkReplicas(autoscale map[string]any) *response {
	for _, procType := range sortedKeys(autoscale) {
		low, high := replicaBounds(autoscale[procType])
		switch {
		case low < 1:
			return detail(http.StatusBadRequest, "min replicas needs to be 1 or higher")
		case high < low:
			return detail(http.StatusBadRequest, "max replicas can not be smaller than min replicas")
		}
	}
	return nil
}

// replicaBounds returns the minimum and maximum of an autoscaler.
func replicaBounds(autoscaler any) (low, high int) {
	object, _ := autoscaler.(map[string]any)
	count := func(name string) int {
		n, _ := object[name].(json.Number)
		i, _ := n.Int64()
		return int(i)
	}
	return count("min"), count("max")
}

// boolean reads a field that is true or false in one of the spellings that Django REST framework accepts; nil if it is
// missing, null or refused.
func (s *serializer) boolean(field string) *bool {
	value := s.data[field]
	if value == nil {
		return nil
	}
	text := strings.ToLower(s.q.pythonString(value)) // true becomes "true", and 1 becomes "1"
	yes := slices.Contains([]string{"true", "t", "1", "1.0"}, text)
	no := slices.Contains([]string{"false", "f", "0", "0.0"}, text)
	if !yes && !no {
		problem := `"` + s.q.pythonString(value) + `" is not a valid boolean.`
		if s.q.late23() {
			problem = "Must be a valid boolean."
		}
		s.fail(field, problem)
		return nil
	}
	return &yes
}

func setBool(to *bool, value *bool) {
	if value != nil {
		*to = *value
	}
}
