package deistest

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// The files *_validate.go are the rules of real Controllers for what a client may write: one table or function for
// each field, with a column for each version whose rules are known. This file has what all fields share.

// byVersion is a value that differs between versions, such as the rule of a field.
type byVersion[T any] struct {
	v1_6, v2_2, v2_3 T
	early            bool // early servers use v2_3, too; otherwise they use v2_2
}

// of returns the value for a Controller. All versions of 1.x use v1_6, and those below 2.3 use v2_2.
func (b byVersion[T]) of(c *Controller) T {
	switch {
	case !c.v2():
		return b.v1_6
	case c.late23() || c.v23() && b.early:
		return b.v2_3
	}
	return b.v2_2
}

// A textField is what one version accepts in a text field.
type textField struct {
	optional  bool // it may be missing
	blank     bool // it may be ""
	null      bool // null means missing
	raw       bool // spaces around the text are kept; otherwise API 2.x removes them
	maxLength int  // in characters; 0 is unlimited
	rules     []rule
	taken     *uniqueness
	lastRules []rule                                              // checked after rules, taken and maxLength
	convert   func(q *request, s string) (stored, problem string) // called if nothing else is wrong
	notText   string                                              // the problem of a value that is not a text; "" is the usual one
}

// A rule returns what is wrong with a text, "" if nothing is.
type rule func(text string) (problem string)

// matching is the rule that a text matches a regular expression of a real Controller.
func matching(expr, problem string) rule {
	pattern := pythonRegexp(expr)
	return func(text string) string {
		if pattern.MatchString(text) {
			return ""
		}
		return problem
	}
}

// A uniqueness is the rule that a text is not taken.
type uniqueness struct {
	isTaken func(c *Controller, s string) bool
	problem string
}

// These problems are the same for many fields.
const (
	mustBeUnique = "This field must be unique."
	notAString   = "Not a valid string."
)

// pythonRegexp compiles a regular expression of a real Controller. In Python, $ also matches before a final newline.
func pythonRegexp(expr string) *regexp.Regexp {
	if body, anchored := strings.CutSuffix(expr, "$"); anchored {
		expr = body + `\n?$`
	}
	return regexp.MustCompile(expr)
}

// A serializer checks the fields of a body and collects what is wrong with them.
type serializer struct {
	q      *request
	data   map[string]any
	errors map[string][]string
}

func (q *request) serializer(data map[string]any) *serializer {
	return &serializer{q, data, map[string][]string{}}
}

// refusal returns the response that lists all problems, nil if there are none.
func (s *serializer) refusal() *response {
	if len(s.errors) == 0 {
		return nil
	}
	return jsonResponse(http.StatusBadRequest, s.errors)
}

func (s *serializer) fail(field, text string) { s.errors[field] = append(s.errors[field], text) }

// has reports whether a field is present and not null. Null is recorded as a problem.
func (s *serializer) has(field string) bool {
	v, there := s.data[field]
	if there && v == nil {
		s.fail(field, "This field may not be null.")
	}
	return v != nil
}

// text reads a text field and returns what is stored, "" if the field is missing or wrong.
func (s *serializer) text(name string, field byVersion[textField]) string {
	f := field.of(s.q.Controller)
	value, there := s.data[name]
	if !there || value == nil && f.null {
		if !f.optional {
			s.fail(name, "This field is required.")
		}
		return ""
	}
	if !s.has(name) {
		return ""
	}
	text, isText := s.asText(value, f)
	if !isText {
		problem := notAString
		if f.notText != "" {
			problem = f.notText
		}
		s.fail(name, problem)
		return ""
	}
	if text == "" {
		if !f.blank {
			s.fail(name, "This field may not be blank.")
		}
		return ""
	}
	for _, problem := range f.problems(s.q, text) {
		s.fail(name, problem)
	}
	if f.convert != nil && len(s.errors[name]) == 0 {
		stored, problem := f.convert(s.q, text)
		if problem != "" {
			s.fail(name, problem)
		}
		text = stored
	}
	if len(s.errors[name]) > 0 {
		return ""
	}
	return text
}

// asText converts a value that was sent for a text field. API 1.6 converts every type to text, 2.x only numbers.
func (s *serializer) asText(value any, f textField) (text string, ok bool) {
	if !s.q.v2() {
		return s.q.pythonString(value), true
	}
	switch value.(type) {
	case map[string]any, []any, bool:
		return "", false
	}
	text = s.q.pythonString(value)
	if !f.raw {
		text = strings.TrimSpace(text)
	}
	return text, true
}

// problems returns everything that is wrong with a text, in the order of real Controllers.
func (f textField) problems(q *request, text string) []string {
	var list []string
	check := func(rules []rule) {
		for _, r := range rules {
			if problem := r(text); problem != "" {
				list = append(list, problem)
			}
		}
	}
	check(f.rules)
	if f.taken != nil && f.taken.isTaken(q.Controller, text) {
		list = append(list, f.taken.problem)
	}
	if f.maxLength > 0 && len([]rune(text)) > f.maxLength {
		list = append(list, "Ensure this field has no more than "+strconv.Itoa(f.maxLength)+" characters.")
	}
	check(f.lastRules)
	return list
}

// required and anyText are the most common fields.
var (
	required = textField{}
	anyText  = textField{optional: true, blank: true}
)

func inAll[T any](rule T) byVersion[T] { return byVersion[T]{v1_6: rule, v2_2: rule, v2_3: rule} }
