package deistest

// The fields of a build except its Procfile.
var (
	imageField      = byVersion[textField]{v1_6: textField{maxLength: 256}, v2_2: required, v2_3: required}
	shaField        = inAll(textField{optional: true, blank: true, maxLength: 40})
	dockerfileField = inAll(anyText)
)

// The types and commands of a Procfile are checked from API 2.3 on.
var (
	procTypeRule = matching(`^[a-z0-9]+(\-[a-z0-9]+)*$`, "Process types can only contain lowercase alphanumeric characters")
	emptyCommand = "Command can't be empty for process type"
)

// procfile reads a Procfile: an object, or an object as JSON text. API 1.6 accepts a list, too. API 2.2 accepts one
// unless it has to look up a command in it, which it does for all types but cmd, and for an app's first build.
func (s *serializer) procfile() (any, *response) {
	if !s.has("procfile") {
		return map[string]any{}, nil
	}
	value := s.data["procfile"]
	if source, isText := value.(string); isText {
		value, _ = parseJSON([]byte(source))
	}
	switch v := value.(type) {
	case []any:
		if !s.q.v2() || !s.q.late23() && s.q.app.latest().build != nil && s.q.app.runsOnlyCmd() {
			return v, nil
		}
	case map[string]any:
		if s.q.late23() {
			s.checkProcfile(v)
		}
		return v, nil
	}
	return nil, s.q.crash()
}

func (s *serializer) checkProcfile(procfile map[string]any) {
	for _, procType := range sortedKeys(procfile) {
		problem := procTypeRule(procType)
		if command := procfile[procType]; command == nil || command == "" {
			problem = emptyCommand
		}
		if problem != "" {
			s.fail("procfile", problem)
			return
		}
	}
}

// runsOnlyCmd reports whether an app has no process type but cmd.
func (a *app) runsOnlyCmd() bool {
	_, cmd := a.structure["cmd"]
	return cmd && len(a.structure) == 1
}
