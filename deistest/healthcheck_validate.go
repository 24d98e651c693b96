package deistest

import (
	"encoding/json"
	"strings"
)

// healthcheck2 is the rule for the probes of one process type, or of any other key such as "web/cmd".
func healthcheck2(q *request, _ string, value any) (stored any, problem string) {
	probes, isObject := value.(map[string]any)
	if !isObject {
		return nil, crashes
	}
	for _, name := range sortedKeys(probes) {
		if probes[name] == nil {
			continue // unset
		}
		if name != "livenessProbe" && name != "readinessProbe" {
			return nil, "Healthcheck keys must be either livenessProbe or readinessProbe"
		}
		if reason := probeSchema.problem(q, probes[name]); reason != "" {
			return nil, "could not validate " + q.pythonString(probes[name]) + ": " + reason
		}
		probe, _ := probes[name].(map[string]any)
		if n, set := probe["successThreshold"]; set && name == "livenessProbe" && n != json.Number("1") {
			return nil, "livenessProbe successThreshold can only be 1"
		}
	}
	return probes, ""
}

// A schema is the part of JSON Schema that the rules of real Controllers use. Unknown keys are allowed.
type schema struct {
	is       string // the type: "object", "array", "string" or "integer"
	required []string
	fields   map[string]schema // of an object
	items    *schema           // of an array
	minItems int
}

// probeSchema is the schema of a probe.
var probeSchema = schema{is: "object", fields: map[string]schema{
	"exec": {is: "object", required: []string{"command"}, fields: map[string]schema{
		"command": {is: "array", minItems: 1, items: &schema{is: "string"}},
	}},
	"httpGet": {is: "object", required: []string{"port"}, fields: map[string]schema{
		"path": {is: "string"}, "port": {is: "integer"}, "host": {is: "string"}, "scheme": {is: "string"},
		"httpHeaders": {is: "array", items: &schema{is: "object", fields: map[string]schema{
			"name": {is: "string"}, "value": {is: "string"},
		}}},
	}},
	"tcpSocket": {is: "object", required: []string{"port"}, fields: map[string]schema{"port": {is: "integer"}}},

	"initialDelaySeconds": {is: "integer"}, "timeoutSeconds": {is: "integer"}, "periodSeconds": {is: "integer"},
	"successThreshold": {is: "integer"}, "failureThreshold": {is: "integer"},
}}

// problem returns how a value violates the schema, in the words of Python's jsonschema.
func (s schema) problem(q *request, value any) string {
	if !s.fits(value) {
		return q.pythonRepr(value) + " is not of type '" + s.is + "'"
	}
	switch v := value.(type) {
	case map[string]any:
		for _, name := range s.required {
			if _, there := v[name]; !there {
				return pythonQuoted(name) + " is a required property"
			}
		}
		for _, name := range sortedKeys(s.fields) {
			if field, there := v[name]; there {
				if problem := s.fields[name].problem(q, field); problem != "" {
					return problem
				}
			}
		}
	case []any:
		if len(v) < s.minItems {
			return q.pythonRepr(value) + " is too short"
		}
		for _, item := range v {
			if problem := s.items.problem(q, item); problem != "" {
				return problem
			}
		}
	}
	return ""
}

// fits reports whether a value has the type of the schema.
func (s schema) fits(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return s.is == "object"
	case []any:
		return s.is == "array"
	case string:
		return s.is == "string"
	case json.Number:
		return s.is == "integer" && !strings.ContainsAny(v.String(), ".eE")
	}
	return false
}
