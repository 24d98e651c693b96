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
	assignment = regexp.MustCompile(`^\s*(?:export\s+)?([\pL\pN_.-]+)\s*=\s*(["']?)`)
	comment    = regexp.MustCompile(`\s#.*$`)
	dollar     = regexp.MustCompile(`\$\S`)
	escapes    = strings.NewReplacer(`\$`, "", "$$", "$\x00") // the library reads both as a $
	octal      = regexp.MustCompile(`(^|[^\\])(\\\\)*\\0`)
)

// readVariable parses the variable that begins in the first line, and returns how many lines it takes.
func readVariable(lines []string) (name, value string, count int, err error) {
	found := assignment.FindStringSubmatch(lines[0])
	if found == nil {
		return "", "", 0, fmt.Errorf("want a variable, as NAME=value")
	}
	name, quote := found[1], found[2]
	text := lines[0]
	if quote == "" { // the library knows a comment only after a space, and only after a value
		text = comment.ReplaceAllString(text, "")
	}
	for count = 1; ; text = strings.Join(lines[:count], "\n") {
		values, hasDollar, err := unquote(text)
		value, present := values[name]
		switch {
		case isUnterminated(err) && count < len(lines):
			count = nextQuote(lines, count)
			continue
		case isUnterminated(err):
			return "", "", 0, fmt.Errorf("the quote at the beginning of the value of %s is never closed", name)
		case err != nil && !dollar.MatchString(text), err == nil && !present, len(values) > 1:
			return "", "", 0, fmt.Errorf("the value of %s has text after its closing quote, or is malformed", name)
		case quote != "'" && (err != nil || hasDollar):
			return "", "", 0, fmt.Errorf(`the value of %s has a $ that some programs would replace: write '$' in single quotes, or "\$" in double quotes`, name)
		case quote == `"` && octal.MatchString(text):
			return "", "", 0, fmt.Errorf(`the value of %s has the escape \0, which programs read differently`, name)
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

// unquote lets the library parse a statement. It reports whether there is a $ that is not escaped, with something after it.
func unquote(text string) (values map[string]string, hasDollar bool, err error) {
	lookup := func(string) (string, bool) {
		hasDollar = true
		return "", true
	}
	values, err = dotenv.UnmarshalWithLookup(text+"\n", lookup)
	unescaped, _ := dotenv.UnmarshalWithLookup(escapes.Replace(text)+"\n", lookup)
	for _, value := range unescaped {
		hasDollar = hasDollar || dollar.MatchString(value)
	}
	return values, hasDollar, err
}

func isUnterminated(err error) bool {
	return err != nil && strings.Contains(err.Error(), "unterminated quoted value")
}

// unixText returns a text without the byte order mark and the carriage returns of Windows.
func unixText(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
}
