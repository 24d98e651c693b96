package deistest

import (
	"fmt"
	"regexp"
	"strings"
)

// The name of a domain. Whether it is taken is checked twice: first as it was sent, and last as it is stored.
var domainField = byVersion[textField]{
	v1_6: textField{taken: &uniqueness{domainTaken, mustBeUnique}, convert: checkDomain1},
	v2_2: textField{taken: &uniqueness{domainTaken, "Domain is already in use by another application"}, convert: checkDomain2},
	v2_3: textField{taken: &uniqueness{domainTaken, "Domain is already in use by another application"}, convert: checkDomain2},
}

func domainTaken(c *Controller, name string) bool { return c.domains[name] != nil }

const (
	invalidHostname = "Hostname does not look valid."
	domainInUse     = "The domain %s is already in use by another app"
)

var label1 = pythonRegexp(`(?i)^[a-z0-9-]{1,63}$`)

// checkDomain1 is the rule of API 1.6, which stores a name as it was sent, except for a final dot.
func checkDomain1(q *request, name string) (stored, problem string) {
	if len(name) > 255 {
		return "", "Hostname must be 255 characters or less."
	}
	name = strings.TrimSuffix(name, ".")
	labels := strings.Split(name, ".")
	switch {
	case strings.Contains(name, "xip.io"):
		return name, "" // everything else is allowed
	case labels[0] == "*":
		return "", "Adding a wildcard subdomain is currently not supported."
	}
	for _, label := range labels {
		isNumber := strings.Trim(label, "0123456789") == ""
		if !label1.MatchString(label) || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") || isNumber ||
			strings.Contains(label, "--") || len(labels) == 1 && strings.ContainsAny(label, "0123456789") {
			return "", invalidHostname
		}
	}
	if domainTaken(q.Controller, name) {
		return "", fmt.Sprintf(domainInUse, name)
	}
	return name, ""
}

// checkDomain2 is the rule of API 2.x, which stores a name in ASCII.
func checkDomain2(q *request, name string) (stored, problem string) {
	name = strings.TrimSuffix(name, ".")
	if name == "*" {
		return "", "Hostname can't only be a wildcard"
	}
	ascii, problem := toASCII(q, name)
	switch {
	case problem != "":
		return "", fmt.Sprintf("Hostname does not look valid, could not convert to ACE %s: %s", name, problem)
	case digitsAtEnd.MatchString(ascii):
		return "", invalidHostname
	case len(ascii) > 253:
		return "", "Hostname must be 253 characters or less."
	case domainTaken(q.Controller, ascii):
		return "", fmt.Sprintf(domainInUse, name)
	}
	return ascii, ""
}

var digitsAtEnd = regexp.MustCompile(`(^|\.)[0-9]+$`)

// toASCII converts the labels of a host name to ASCII. The first may be a wildcard.
func toASCII(q *request, name string) (ascii, problem string) {
	labels := strings.Split(name, ".")
	for i, label := range labels {
		if i == 0 && label == "*" && len(labels) > 1 {
			continue
		}
		if labels[i], problem = toASCIILabel(label); problem != "" {
			if !q.v23() {
				problem = oldIDNA(label, problem)
			}
			return "", problem
		}
	}
	return strings.Join(labels, "."), ""
}

// oldIDNA returns what the library of API 2.2 says instead of a problem. It rejects every bad ASCII label for the
// quotation mark that Python puts before it.
func oldIDNA(label, problem string) string {
	switch {
	case label == "":
		return "No Input"
	case isASCII(label):
		return fmt.Sprintf(`Codepoint U+0027 at position 2 of "b'%s'" not allowed`, label)
	}
	return problem
}
