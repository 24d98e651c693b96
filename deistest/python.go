package deistest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The Controllers are Python programs, and show it: 1.6 runs on Python 2, 2.2 on Python 3.

// parseJSON reads a body as Python does; the error has Python's text, with the position where it found the mistake.
func parseJSON(body []byte, python3 bool) (any, error) {
	if i := invalidUTF8(body); i >= 0 {
		return nil, fmt.Errorf("%s codec can't decode byte 0x%02x in position %d: invalid start byte",
			map[bool]string{true: "'utf-8'", false: "'utf8'"}[python3], body[i], i)
	}
	v, err := decodeJSON(body)
	if err == nil {
		return v, nil
	}
	// A body that ends too early is continued with a byte that fits nowhere: Go then says what it waited for.
	at, ended := len(body), err == io.ErrUnexpectedEOF || err == io.EOF
	if ended || strings.HasPrefix(err.Error(), "unexpected end") {
		_, err = decodeJSON(append(slices.Clip(body), 0))
		ended = true
	} else if syntax, ok := err.(*json.SyntaxError); ok {
		at = int(syntax.Offset) - 1
	}
	return nil, fmt.Errorf("%s", pythonJSONError(err.Error(), body, at, ended, python3))
}

func decodeJSON(body []byte) (v any, err error) {
	// Unmarshal, not a Decoder: it looks at the whole body before it says anything.
	var raw json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber() // Python keeps 1 and 1.0 apart
	err = dec.Decode(&v)
	return v, err
}

func pythonJSONError(goError string, body []byte, at int, ended, python3 bool) string {
	waitedFor := func(s string) bool { return strings.Contains(goError, s) }
	var text string
	switch {
	case waitedFor("object key string"):
		text = "Expecting property name enclosed in double quotes"
		if ended && !python3 {
			text, at = "Expecting object", max(at-1, 0)
		}
	case waitedFor("after object key:value") || waitedFor("after array element"):
		text = "Expecting ',' delimiter"
	case waitedFor("after object key"):
		text = "Expecting ':' delimiter"
	case waitedFor("after top-level value"):
		text = "Extra data"
	case waitedFor("string literal") && ended:
		text, at = "Unterminated string starting at", bytes.LastIndexByte(body, '"')
	case waitedFor("string literal"):
		text = "Invalid control character at"
	case !python3:
		return "No JSON object could be decoded"
	default:
		text = "Expecting value"
	}
	line := 1 + bytes.Count(body[:at], []byte("\n"))
	column := at - bytes.LastIndexByte(body[:at], '\n')
	return fmt.Sprintf("%s: line %d column %d (char %d)", text, line, column, at)
}

// invalidUTF8 returns the place of the first byte that is no UTF-8, or -1.
func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// pythonType names the type of a JSON value.
func pythonType(v any, python3 bool) string {
	switch v.(type) {
	case []any:
		return "list"
	case bool:
		return "bool"
	case json.Number:
		return "int"
	case string:
		if !python3 {
			return "unicode"
		}
		return "str"
	}
	return "dict"
}

// pythonString is str(v): how a JSON value becomes a string in a real Controller, True or [1, 'x'].
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
	}
	return fmt.Sprint(v)
}

// pythonQuoted puts a string into the quotation marks that Python would choose.
func pythonQuoted(s string) string {
	quote := `'`
	if strings.Contains(s, `'`) && !strings.Contains(s, `"`) {
		quote = `"`
	}
	return quote + strings.NewReplacer(`\`, `\\`, quote, `\`+quote, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + quote
}

// pythonBytes is repr(s.encode()), the form of the logs in API 2.2.
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

// pythonInt is int(v), with the texts of its errors.
func (c *Controller) pythonInt(v any) (int, string) {
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
