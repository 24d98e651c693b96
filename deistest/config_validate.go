package deistest

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// An entryRule checks one key and value in a field of a configuration, by the rules of one version. It returns what is
// stored, or what is wrong. It is not called for null, which unsets the key without a check.
type entryRule func(q *request, key string, value any) (stored any, problem string)

// configFields is the table of a configuration's fields, in the order in which real Controllers look for unset keys that
// are not set. A version ignores a field for which it has no rule.
var configFields = []struct {
	name string
	rule byVersion[entryRule]
}{
	{"cpu", byVersion[entryRule]{v1_6: cpu1, v2_2: cpu2, v2_3: cpu3}},
	{"memory", byVersion[entryRule]{v1_6: memory1, v2_2: memory2, v2_3: memory3}},
	{"tags", byVersion[entryRule]{v1_6: tag1, v2_2: tag2, v2_3: tag2}},
	{"registry", byVersion[entryRule]{v2_2: registry2, v2_3: registry2}},
	{"values", byVersion[entryRule]{v1_6: value1, v2_2: value2, v2_3: value2}},
	{"healthcheck", byVersion[entryRule]{v2_2: healthcheck2, v2_3: healthcheck2}},
	{"lifecycle_post_start", byVersion[entryRule]{v2_3: anyEntry}},
	{"lifecycle_pre_stop", byVersion[entryRule]{v2_3: anyEntry}},
	{"termination_grace_period", byVersion[entryRule]{v2_3: gracePeriod3}},
}

// configChanges reads and checks the fields of a change. Real Controllers crash on a field that is not an object.
func (q *request) configChanges(data map[string]any) (map[string]map[string]any, *response) {
	s := q.serializer(data)
	changes := map[string]map[string]any{}
	for _, field := range configFields {
		rule := field.rule.of(q.Controller)
		if rule == nil {
			continue
		}
		object, stop := s.jsonField(field.name)
		if stop != nil {
			return nil, stop
		}
		entries := map[string]any{}
		for _, key := range sortedKeys(object) {
			if object[key] == nil {
				entries[key] = nil
				continue
			}
			stored, problem := rule(q, key, object[key])
			if problem == crashes {
				return nil, q.crash()
			}
			if problem != "" {
				s.fail(field.name, problem)
				break // one problem per field
			}
			entries[key] = stored
		}
		changes[field.name] = entries
	}
	if _, given := data["routable"]; given && q.v2() {
		return nil, q.crash() // a field that older servers had
	}
	return changes, s.refusal()
}

// jsonField reads a field that is an object, or an object as JSON text; nil if it is missing. Real Controllers crash on
// everything else.
func (s *serializer) jsonField(field string) (map[string]any, *response) {
	if !s.has(field) {
		return nil, nil
	}
	value := s.data[field]
	if source, isText := value.(string); isText {
		value, _ = parseJSON([]byte(source))
	}
	object, isObject := value.(map[string]any)
	if !isObject {
		return nil, s.q.crash()
	}
	return object, nil
}

// crashes is the problem of input that crashes real Controllers.
const crashes = "crash"

// entry combines a rule for the key and one for the text of the value.
func entry(key, value rule) entryRule {
	return func(q *request, k string, v any) (any, string) {
		stored := v
		if !q.v2() {
			stored = q.pythonString(v)
		}
		if problem := key(k); problem != "" {
			return nil, problem
		}
		return stored, value(q.pythonString(v))
	}
}

// ascii1 is a rule for ASCII text. Python 2 crashes on other text.
func ascii1(inASCII rule) rule {
	return func(text string) string {
		if !isASCII(text) {
			return crashes
		}
		return inASCII(text)
	}
}

func anything(string) (problem string) { return "" }

// The keys of limits are process types. API 1.6 checks only how they begin.
var (
	procType1 = matching(`^[a-z]+`, "Process types can only contain [a-z]")
	procType2 = matching(`^[a-z0-9]+$`, "Process types can only contain alphanumeric")
	procType3 = procTypeRule
)

// memory
var (
	limit   = `([0-9]+(MB|KB|GB|[BKMG]))`
	limit12 = matching(`(?i)^`+limit+`$`, "Limit format: <number><unit>, where unit = B, K, M or G")
	limit3  = matching(`(?i)^((`+limit+`|0)(/`+limit+`)?)$`, "Memory limit format: <number><unit> or "+
		"<number><unit>/<number><unit>, where unit = B, K, M or G")

	memory1 = entry(procType1, ascii1(limit12))
	memory2 = entry(procType2, limit12)
	memory3 = entry(procType3, limit3)
)

// cpu: a share of 1024 in API 1.6, a number of CPUs in 2.x. API 2.x stores a JSON number as such, and then cannot deploy
// a process of that type.
var (
	cpus = `[-+]?[0-9]*\.?[0-9]+m?`
	cpu2 = entry(procType2, matching(`^`+cpus+`$`, "CPU shares must be a numeric value"))
	cpu3 = entry(procType3, matching(`^(`+cpus+`)(/(`+cpus+`))?$`,
		"CPU limit format: <value> or <value>/<value>, where value must be a numeric"))
)

const maxShares = 1024

// cpu1 converts before it checks: a float is truncated, spaces around a text are ignored, and a list crashes it.
func cpu1(q *request, procType string, value any) (stored any, problem string) {
	switch value.(type) {
	case []any, map[string]any:
		return nil, crashes
	}
	n, notInt := q.pythonInt(value)
	switch problem := procType1(procType); {
	case problem != "":
		return nil, problem
	case isTooLarge(value) || n > maxShares:
		return nil, "CPU shares must be between 0 and 1024"
	case notInt != "" || n < 0:
		return nil, "CPU shares must be an integer"
	}
	return n, ""
}

// isTooLarge reports whether a value is the text of a whole number that does not fit an int.
func isTooLarge(value any) bool {
	text, _ := value.(string)
	_, err := strconv.ParseUint(strings.TrimSpace(text), 10, 63)
	return errors.Is(err, strconv.ErrRange)
}

// tags: the labels of the nodes that may run the app.
const label2 = `([a-zA-Z\p{Nd}][-.\pL\pN_]{0,61})?[a-zA-Z\p{Nd}]`

var (
	tagKey1   = matching(`^[a-z]+$`, "Tag keys can only contain [a-z]")
	tagValue1 = matching(`^\w+$`, "Invalid tag value")

	tagPrefix2 = matching(`^`+label2+`$`, "Tag key prefixes must be DNS subdomains.")
	tagName2   = matching(`^`+label2+`$`, `Tag keys must be alphanumeric or "-_.", and 1-63 characters.`)
	tagValue2  = matching(`^`+label2+`$`, `Tag values must be alphanumeric or "-_.", and 1-63 characters.`)
)

var tag1 = entry(tagKey1, ascii1(tagValue1))

func tag2(q *request, key string, value any) (stored any, problem string) {
	prefix, name, prefixed := strings.Cut(key, "/")
	switch {
	case !prefixed:
		name = key
	case strings.Contains(name, "/"):
		return nil, crashes
	case len(prefix) > 253:
		return nil, "Tag key prefixes must 253 characters or less."
	case prefix != "":
		problem = tagPrefix2(prefix)
	}
	if problem == "" {
		problem = tagName2(name)
	}
	if problem == "" && truthy(value) {
		problem = tagValue2(q.pythonString(value))
	}
	return value, problem
}

// registry, values
var (
	variable2 = matching(`(?i)^[a-z_]+[a-z0-9_]*$`,
		"Config keys must start with a letter or underscore and only contain [A-z0-9_]")
	registry2 = entry(variable2, anything)
	value1    = entry(anything, anything)
	anyEntry  = entry(anything, anything)
)

func value2(q *request, key string, value any) (stored any, problem string) {
	problem = variable2(key)
	switch {
	case problem != "":
	case key == "PORT":
		problem = portProblem(q.pythonString(value))
	case key == "HEALTHCHECK_URL":
		path, isText := value.(string)
		if !isText {
			return nil, crashes
		}
		problem = healthcheckPathProblem(path)
	case strings.HasPrefix(key, "HEALTHCHECK_") && !isNumeric(q.pythonString(value)):
		problem = key + " can only be a numeric value"
	}
	return value, problem
}

// isNumeric is Python's str.isnumeric, which accepts fractions and superscripts as well.
func isNumeric(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsNumber(r) })
}

func portProblem(text string) string {
	if !isNumeric(text) {
		return "PORT can only be a numeric value"
	}
	port := 0
	for _, r := range text {
		if !unicode.IsDigit(r) {
			return crashes
		}
		port = min(port*10+digitValue(r), 1<<16)
	}
	if port < 1 || port >= 1<<16 {
		return "PORT needs to be between 1 and 65535"
	}
	return ""
}

// digitValue returns the value of a decimal digit of any alphabet. Unicode has them in runs of ten, from 0 to 9.
func digitValue(r rune) int {
	n := 0
	for n < 9 && unicode.IsDigit(r-rune(n)-1) {
		n++
	}
	return n
}

// urlParts splits a URL as Python does: scheme, host, path, query and fragment.
var urlParts = regexp.MustCompile(`^(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?(//[^/?#]*)?([^?#]*)(\?[^#]*)?(#.*)?$`)

func healthcheckPathProblem(path string) string {
	parts := urlParts.FindStringSubmatch(path)
	switch {
	case parts == nil || parts[2] == "":
		return "HEALTHCHECK_URL is missing a URI path (such as /healthz). Without it no health check can be done"
	case len(parts[1]) > len("//") || len(parts[3]) > len("?") || len(parts[4]) > len("#"):
		return "HEALTHCHECK_URL can only be a URI path (such as /healthz) that does not contain other things " +
			"such as query params"
	}
	return ""
}

// termination_grace_period
var gracePeriod3 = entry(procType3, matching(`^[0-9]*$`,
	"Termination Grace Period format: <value>, where value must be a numeric"))
