package deistest

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// configChanges reads the fields of a change and checks them.
func (q *request) configChanges(data map[string]any) (map[string]map[string]any, *response) {
	s := q.serializer(data)
	changes := map[string]map[string]any{}
	for _, field := range q.configFields() {
		if !s.has(field) {
			continue
		}
		v := data[field]
		if source, isText := v.(string); isText { // JSON in a string is taken for what it says
			v, _ = parseJSON([]byte(source))
		}
		object, isObject := v.(map[string]any)
		if !isObject {
			return nil, q.crash()
		}
		changes[field] = map[string]any{}
		for _, k := range sortedKeys(object) {
			v, problem := object[k], ""
			if v != nil {
				v, problem = q.checkConfig(field, k, v)
			}
			if problem == crashes {
				return nil, q.crash()
			}
			if problem != "" && len(s.errors[field]) == 0 {
				s.fail(field, problem)
			}
			changes[field][k] = v
		}
	}
	return changes, s.refusal()
}

// crashes is the problem with what real Controllers do not survive.
const crashes = "crash"

// The patterns of both versions for what a configuration may hold.
var (
	validMemory  = regexp.MustCompile(`(?i)^[0-9]+(MB|KB|GB|[BKMG])$`)
	validShares1 = regexp.MustCompile(`^[0-9]+`)
	validShares2 = regexp.MustCompile(`^[-+]?[0-9]*\.?[0-9]+m?$`)
	validKey     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	validType1   = regexp.MustCompile(`^[a-z]+`)
	validType2   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	validTagKey1 = regexp.MustCompile(`^[a-z]+$`)
	validTag1    = regexp.MustCompile(`^\w+$`)
	validTag2    = regexp.MustCompile(`^([a-zA-Z0-9][-.\w]{0,61})?[a-zA-Z0-9]$`)
	validPath    = regexp.MustCompile(`^/[^?#]*$`)
)

// checkConfig turns one value into what is stored, or says what is wrong with it.
func (q *request) checkConfig(field, key string, value any) (stored any, problem string) {
	stored = q.pythonString(value)
	text := stored.(string)
	validType, onlyTypes := validType1, "Process types can only contain [a-z]"
	if q.v2() {
		validType, onlyTypes = validType2, "Process types can only contain alphanumeric"
	}
	switch field {
	case "values":
		switch {
		case !q.v2():
		case !validKey.MatchString(key):
			problem = "Config keys must start with a letter or underscore and only contain [A-z0-9_]"
		case key == "PORT" && strings.Trim(text, "0123456789") != "":
			problem = "PORT can only be a numeric value"
		case key == "HEALTHCHECK_URL" && !validPath.MatchString(text):
			problem = "HEALTHCHECK_URL can only be a URI path (such as /healthz) that does not contain other things " +
				"such as query params"
		}
	case "memory":
		if !validType.MatchString(key) {
			problem = onlyTypes
		} else if !validMemory.MatchString(text) {
			problem = "Limit format: <number><unit>, where unit = B, K, M or G"
		}
	case "cpu":
		if !validType.MatchString(key) {
			return stored, onlyTypes
		}
		return q.checkShares(value, text)
	case "tags":
		switch {
		case !q.v2() && !validTagKey1.MatchString(key):
			problem = "Tag keys can only contain [a-z]"
		case !q.v2() && !validTag1.MatchString(text):
			problem = "Invalid tag value"
		case q.v2() && !validTag2.MatchString(key):
			problem = `Tag keys must be alphanumeric or "-_.", and 1-63 characters.`
		case q.v2() && !validTag2.MatchString(text):
			problem = `Tag values must be alphanumeric or "-_.", and 1-63 characters.`
		}
	case "healthcheck":
		return q.checkHealthcheck(key, value)
	}
	return stored, problem
}

// checkShares is a whole number in API 1.6, and any number as text in API 2.2.
func (q *request) checkShares(value any, text string) (any, string) {
	if q.v2() {
		if !validShares2.MatchString(text) {
			return nil, "CPU shares must be a numeric value"
		}
		return text, ""
	}
	if _, isList := value.([]any); isList {
		return nil, crashes
	}
	digits := validShares1.FindString(text) // "10.7" is 10
	if digits == "" {
		return nil, "CPU shares must be an integer"
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n > 1024 {
		return nil, "CPU shares must be between 0 and 1024"
	}
	return n, ""
}

// checkHealthcheck looks at the probes of a process type, of which the numbers matter.
func (q *request) checkHealthcheck(procType string, value any) (any, string) {
	probes, isObject := value.(map[string]any)
	if !validType2.MatchString(procType) {
		return value, "Process types can only contain alphanumeric"
	}
	if !isObject {
		return value, crashes
	}
	for _, name := range sortedKeys(probes) {
		probe, isObject := probes[name].(map[string]any)
		if !isObject {
			continue
		}
		for _, k := range sortedKeys(probe) {
			if strings.HasSuffix(k, "Seconds") || strings.HasSuffix(k, "Threshold") {
				if _, isNumber := probe[k].(json.Number); !isNumber {
					return value, "could not validate " + q.pythonRepr(probe) + ": " + q.pythonRepr(probe[k]) +
						" is not of type 'integer'"
				}
			}
		}
		if n, set := probe["successThreshold"]; set && name == "livenessProbe" && n != json.Number("1") {
			return value, "livenessProbe successThreshold can only be 1"
		}
	}
	return value, ""
}

// hasNumber tells whether a limit is given as a number, which API 2.2 stores as text but cannot deploy.
func hasNumber(limits any) bool {
	object, _ := limits.(map[string]any)
	for _, v := range object {
		if _, isNumber := v.(json.Number); isNumber {
			return true
		}
	}
	return false
}

// poisoned tells whether a name among the values crashes API 1.6 once the configuration is stored: from then on every
// change does, until the name is unset.
func poisoned(cf *config) bool {
	for name := range cf.fields["values"] {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return true
		}
	}
	return false
}
