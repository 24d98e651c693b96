package deistest

import (
	"errors"
	"net/http"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// A service routes paths of an app to one of its process types.
type service struct {
	procType, pattern string
}

type serviceJSON struct {
	ProcfileType string `json:"procfile_type"`
	PathPattern  string `json:"path_pattern"`
}

// listServices lists all services by process type, without pages.
func listServices(q *request) *response {
	list := []serviceJSON{}
	for _, s := range q.app.services {
		list = append(list, serviceJSON{s.procType, s.pattern})
	}
	slices.SortFunc(list, func(a, b serviceJSON) int { return strings.Compare(a.ProcfileType, b.ProcfileType) })
	return ok(map[string][]serviceJSON{"services": list})
}

// serviceType is the pattern of a service's process type. The app need not have that type.
var serviceType = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// setService creates the service of a process type or changes its paths. A success has no body.
func setService(q *request) *response {
	data, stop := q.anyObject()
	if stop != nil {
		return stop
	}
	procType, hasType := data["procfile_type"].(string)
	pattern, hasPattern := data["path_pattern"].(string)
	switch {
	case !hasType:
		return q.crash()
	case !serviceType.MatchString(procType):
		return jsonResponse(http.StatusBadRequest, []string{"Process types can only contain lowercase alphanumeric characters"})
	case !hasPattern:
		return q.crash()
	case slices.ContainsFunc(strings.Split(pattern, ","), func(s string) bool { return !isPythonPattern(s) }):
		return jsonResponse(http.StatusBadRequest, []string{"Service value should be valid regex (or set of regex split by comma)"})
	}
	i := q.app.serviceOf(procType)
	switch {
	case i < 0:
		q.app.services = append(q.app.services, &service{procType, pattern})
	case q.app.services[i].pattern == pattern:
		return empty(http.StatusNoContent)
	default:
		q.app.services[i].pattern = pattern
	}
	return empty(http.StatusCreated)
}

// serviceOf returns the index of a process type's service, -1 if it has none.
func (a *app) serviceOf(procType string) int {
	return slices.IndexFunc(a.services, func(s *service) bool { return s.procType == procType })
}

func deleteService(q *request) *response {
	data, stop := q.anyObject()
	if stop != nil {
		return stop
	}
	procType, given := data["procfile_type"]
	if !given {
		return q.crash()
	}
	i := q.app.serviceOf(q.pythonString(procType))
	if i < 0 {
		return q.notFound("Service")
	}
	q.app.services = slices.Delete(q.app.services, i, i+1)
	return empty(http.StatusNoContent)
}

// isPythonPattern reports whether a text is a regular expression in Python, and not empty. Syntax that only Go does not
// support, such as a look-ahead, is assumed to be correct.
func isPythonPattern(s string) bool {
	_, err := syntax.Parse(s, syntax.Perl)
	var problem *syntax.Error
	onlyPython := errors.As(err, &problem) && slices.Contains(
		[]syntax.ErrorCode{syntax.ErrInvalidPerlOp, syntax.ErrInvalidEscape, syntax.ErrInvalidRepeatSize}, problem.Code)
	return s != "" && (err == nil || onlyPython)
}
