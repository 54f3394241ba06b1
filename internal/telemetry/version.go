package telemetry

import "runtime/debug"

// version is set by the linker where an image is built; elsewhere the build says which revision it is of.
var version string

// Version names the running build: a tag, a revision, or "devel".
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return "devel"
}
