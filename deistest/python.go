package deistest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Real Controllers are Python programs, which shows in their responses: 1.6 runs on Python 2, 2.x on Python 3.

// parseJSON parses a body or a text. Numbers stay as they were written, because Python distinguishes 1 and 1.0.
func parseJSON(source []byte) (v any, ok bool) {
	if !utf8.Valid(source) || !json.Valid(source) {
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader(source))
	dec.UseNumber()
	return v, dec.Decode(&v) == nil
}

// pythonType returns the name of a JSON value's type in Python.
func pythonType(v any, python3 bool) string {
	switch v := v.(type) {
	case []any:
		return "list"
	case bool:
		return "bool"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "float"
		}
		return "int"
	case string:
		if !python3 {
			return "unicode"
		}
		return "str"
	}
	return "dict"
}

// truthy is bool(v): null, false, zero and everything empty are false.
func truthy(v any) bool {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64()
		return f != 0
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return v != nil && v != "" && v != false
}

// pythonString is str(v), which turns a JSON value into a string such as True or [1, 'x'].
func (c *Controller) pythonString(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return c.pythonRepr(v)
}

// pythonRepr is repr(v).
func (c *Controller) pythonRepr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case string:
		if c.v2() {
			return pythonQuoted(v)
		}
		return "u" + pythonQuoted(v)
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = c.pythonRepr(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		var items []string
		for _, k := range sortedKeys(v) {
			items = append(items, c.pythonRepr(k)+": "+c.pythonRepr(v[k]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	case json.Number:
		return pythonNumber(v)
	}
	return fmt.Sprint(v)
}

// pythonNumber formats an integer as it was sent, and a float as Python does: 1.50 is 1.5, and 1e3 is 1000.0.
func pythonNumber(n json.Number) string {
	f, err := n.Float64()
	if !strings.ContainsAny(n.String(), ".eE") || err != nil {
		return n.String()
	}
	if abs := math.Abs(f); abs >= 1e16 || abs < 1e-4 && abs > 0 {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// pythonQuoted quotes a string as Python does.
func pythonQuoted(s string) string {
	quote := `'`
	if strings.Contains(s, `'`) && !strings.Contains(s, `"`) {
		quote = `"`
	}
	return quote + strings.NewReplacer(`\`, `\\`, quote, `\`+quote, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + quote
}

// pythonBytes is repr(s.encode()), the format of logs in API 2.2.
func pythonBytes(s string) string {
	var b strings.Builder
	for _, c := range []byte(pythonQuoted(s)) {
		if c < ' ' || c > '~' {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return "b" + b.String()
}

// pythonInt is int(v); problem is the text of Python's error.
func (c *Controller) pythonInt(v any) (n int, problem string) {
	switch v := v.(type) {
	case string:
		n, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil {
			return 0, "invalid literal for int() with base 10: " + pythonQuoted(v)
		}
		return n, ""
	case json.Number:
		f, _ := v.Float64()
		return int(f), ""
	case bool:
		if v {
			return 1, ""
		}
		return 0, ""
	}
	what := "a string or a number"
	if c.v2() {
		what = "a string, a bytes-like object or a number"
	}
	name := "NoneType"
	if v != nil {
		name = pythonType(v, c.v2())
	}
	return 0, "int() argument must be " + what + ", not '" + name + "'"
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
