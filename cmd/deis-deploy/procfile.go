package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseProcfile parses process types and their commands from YAML, as the deis client does.
func parseProcfile(text string) (map[string]string, error) {
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(unixText(text))))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		return nil, withHint(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("want one YAML document")
	}
	var commands map[string]string
	if err := document.Decode(&commands); err != nil {
		return nil, withHint(err)
	}
	if len(commands) == 0 {
		return nil, errors.New("want at least one process type and its command, as web: ./server")
	}
	// The library omits a key that is null.
	for i, node := range document.Content[0].Content {
		if isKey := i%2 == 0; isKey && node.Tag == "!!null" {
			return nil, fmt.Errorf("line %d: want a process type before the colon", node.Line)
		}
	}
	for procType, command := range commands {
		if strings.TrimSpace(command) == "" {
			return nil, fmt.Errorf("%s has no command", procType)
		}
	}
	return commands, nil
}

var leading = regexp.MustCompile(`^yaml: (unmarshal errors:)?\s*`)

// withHint turns an error of the YAML library into one line that says what is wanted.
func withHint(err error) error {
	text := leading.ReplaceAllString(err.Error(), "")
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, "\n", "; ")), " ")
	return fmt.Errorf("%s (want YAML: a process type and its command in each line; quote a command with special characters)", text)
}
