package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
)

// parseEnv parses a .env file: NAME=value, with quotes that may span lines, export, comments, and escapes in double quotes.
// It passes one variable at a time to a library, so that errors can name its line, and so that duplicates are noticed.
// Errors show no values.
//
// Variables in values are not replaced. Some programs that read .env files replace them and some do not, so a value that
// these programs would read differently is an error.
func parseEnv(text string) (map[string]string, error) {
	lines := strings.Split(unixText(text), "\n")
	values, lineOf := make(map[string]string), make(map[string]int)
	for at := 0; at < len(lines); {
		if line := strings.TrimSpace(lines[at]); line == "" || strings.HasPrefix(line, "#") {
			at++
			continue
		}
		name, value, count, err := readVariable(lines[at:])
		if first, twice := lineOf[name]; err == nil && twice {
			err = fmt.Errorf("%s is already set in line %d", name, first)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", at+1, err)
		}
		values[name], lineOf[name] = value, at+1
		at += count
	}
	return values, nil
}

var (
	assignment = regexp.MustCompile(`^\s*(?:export\s+)?([\pL\pN_.-]+)\s*=`)

	// A comment after an empty value. The library would take it for the value.
	onlyComment = regexp.MustCompile(`^([^=]*=)\s+#.*$`)
)

// readVariable parses the variable that begins in the first line, and returns how many lines it takes.
func readVariable(lines []string) (name, value string, count int, err error) {
	found := assignment.FindStringSubmatch(lines[0])
	if found == nil {
		return "", "", 0, fmt.Errorf("want a variable, as NAME=value")
	}
	name = found[1]
	text := onlyComment.ReplaceAllString(lines[0], "$1")
	for count = 1; ; text = strings.Join(lines[:count], "\n") {
		values, changed, err := unquote(text)
		value, present := values[name]
		switch {
		case isUnterminated(err) && count < len(lines):
			count = nextQuote(lines, count)
			continue
		case isUnterminated(err):
			return "", "", 0, fmt.Errorf("the quote at the beginning of the value of %s is never closed", name)
		case changed && len(values) < 2:
			return "", "", 0, fmt.Errorf(`the value of %s has a $ that some programs would replace: write '$' in single quotes, or "\$" in double quotes`, name)
		case err != nil, !present, len(values) > 1:
			return "", "", 0, fmt.Errorf("the value of %s has text after its closing quote, or is malformed", name)
		}
		return name, value, count, nil
	}
}

// nextQuote returns the number of lines up to the next one with a quote, or of all lines.
func nextQuote(lines []string, count int) int {
	for i, line := range lines[count:] {
		if strings.ContainsAny(line, `"'`) {
			return count + i + 1
		}
	}
	return len(lines)
}

// unquote lets the library parse a statement. It reports whether the library replaced a $.
func unquote(text string) (values map[string]string, changed bool, err error) {
	lookup := func(string) (string, bool) {
		changed = true
		return "", true
	}
	values, err = dotenv.UnmarshalWithLookup(text+"\n", lookup)
	masked, _ := dotenv.UnmarshalWithLookup(strings.ReplaceAll(text, "$$", "\x00\x00")+"\n", lookup) // "$$" becomes "$"
	for name, value := range values {
		changed = changed || value != strings.ReplaceAll(masked[name], "\x00", "$")
	}
	return values, changed, err
}

func isUnterminated(err error) bool {
	return err != nil && strings.Contains(err.Error(), "unterminated quoted value")
}

// unixText returns a text without the byte order mark and the carriage returns of Windows.
func unixText(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
}
