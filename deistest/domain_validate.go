package deistest

import (
	"fmt"
	"regexp"
	"strings"
)

// The name of a domain. That it is taken is checked first as it was sent, and last as it is stored.
var domainField = byVersion[textField]{
	v1_6: textField{taken: &uniqueness{domainTaken, mustBeUnique}, own: checkDomain1},
	v2_2: textField{taken: &uniqueness{domainTaken, "Domain is already in use by another application"}, own: checkDomain2},
	v2_3: textField{taken: &uniqueness{domainTaken, "Domain is already in use by another application"}, own: checkDomain2},
}

func domainTaken(c *Controller, name string) bool { return c.domains[name] != nil }

const (
	invalidHostname = "Hostname does not look valid."
	domainInUse     = "The domain %s is already in use by another app"
)

var label1 = python(`(?i)^[a-z0-9-]{1,63}$`)

// checkDomain1 is the rule of API 1.6, which stores a name as it was sent, but for a dot at the end.
func checkDomain1(q *request, name string) (stored, problem string) {
	if len(name) > 255 {
		return "", "Hostname must be 255 characters or less."
	}
	name = strings.TrimSuffix(name, ".")
	labels := strings.Split(name, ".")
	switch {
	case strings.Contains(name, "xip.io"):
		return name, "" // anything goes
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

// toASCII converts the labels of a host name, which may begin with a wildcard.
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

// oldIDNA is what the library of API 2.2 says instead: it fails in its own way on a label in ASCII, of which it
// checks the quotation mark that Python puts in front.
func oldIDNA(label, problem string) string {
	switch {
	case label == "":
		return "No Input"
	case isASCII(label):
		return fmt.Sprintf(`Codepoint U+0027 at position 2 of "b'%s'" not allowed`, label)
	}
	return problem
}
