package deistest

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// The files *_validate.go are the rules of real Controllers for what a client may write: one table or function for
// each field, with a column for each version whose rules are known. This file is what holds for all fields.

// byVersion has one rule of a field in each of the versions.
type byVersion[T any] struct {
	v1_6, v2_2, v2_3 T
	early            bool // the first servers of API 2.3 have its rule, too; otherwise they have that of 2.2
}

// of returns the rule of a Controller; versions in between have the rule of the next lower one.
func (b byVersion[T]) of(c *Controller) T {
	switch {
	case !c.v2():
		return b.v1_6
	case c.late23() || c.v23() && b.early:
		return b.v2_3
	}
	return b.v2_2
}

// A textField is what one version accepts in a field of text.
type textField struct {
	optional bool // it may be missing
	blank    bool // it may be ""
	null     bool // null is as good as missing
	raw      bool // spaces around the text stay; otherwise API 2.x removes them
	longest  int  // how many characters it may have; 0 is any number
	rules    []rule
	taken    *uniqueness
	shape    []rule                                              // checked last of the rules that are all checked
	own      func(q *request, s string) (stored, problem string) // only checked if nothing else is wrong
	notText  string                                              // about a value that is no text; "" is the usual one
}

// A rule returns what is wrong with a text, "" if nothing is.
type rule func(text string) (problem string)

// matching is the rule that a text must match a regular expression of a real Controller.
func matching(expr, problem string) rule {
	pattern := python(expr)
	return func(text string) string {
		if pattern.MatchString(text) {
			return ""
		}
		return problem
	}
}

// A uniqueness is how a text is found to be taken, and what is said then.
type uniqueness struct {
	isTaken func(c *Controller, s string) bool
	problem string
}

// These texts are about many fields.
const (
	mustBeUnique = "This field must be unique."
	notAString   = "Not a valid string."
)

// python compiles a regular expression of a real Controller. In Python, $ matches before a newline at the end, too.
func python(expr string) *regexp.Regexp {
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

// refusal is nil if nothing is wrong.
func (s *serializer) refusal() *response {
	if len(s.errors) == 0 {
		return nil
	}
	return jsonResponse(http.StatusBadRequest, s.errors)
}

func (s *serializer) fail(field, text string) { s.errors[field] = append(s.errors[field], text) }

// has reports whether a field is there, and complains about null.
func (s *serializer) has(field string) bool {
	v, there := s.data[field]
	if there && v == nil {
		s.fail(field, "This field may not be null.")
	}
	return v != nil
}

// text reads a field of text and returns what is stored, "" if it is missing or wrong.
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
	if f.own != nil && len(s.errors[name]) == 0 {
		stored, problem := f.own(s.q, text)
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

// asText converts a value that is sent for a field of text. API 1.6 makes a text of everything, 2.x of numbers only.
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

// problems is all that is wrong with a text, in the order of real Controllers.
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
	if f.longest > 0 && len([]rune(text)) > f.longest {
		list = append(list, "Ensure this field has no more than "+strconv.Itoa(f.longest)+" characters.")
	}
	check(f.shape)
	return list
}

// required and anyText are the commonest fields.
var (
	required = textField{}
	anyText  = textField{optional: true, blank: true}
)

func inAll[T any](rule T) byVersion[T] { return byVersion[T]{v1_6: rule, v2_2: rule, v2_3: rule} }
