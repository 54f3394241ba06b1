package review

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// writeInputs prints a value one leaf a line, so that one changed setting is one changed line. JSON inside a string (a
// policy, a container) is opened up; secrets stay closed.
func writeInputs(w io.Writer, indent string, value resource.PropertyValue) {
	switch {
	case value.IsObject():
		for _, key := range value.ObjectValue().StableKeys() {
			writeEntry(w, indent, string(key)+":", value.ObjectValue()[key])
		}
	case value.IsArray():
		for _, item := range value.ArrayValue() {
			writeEntry(w, indent, "-", item)
		}
	}
}

func writeEntry(w io.Writer, indent, label string, value resource.PropertyValue) {
	if value.IsString() {
		value = openJSON(value)
	}
	if (value.IsObject() && len(value.ObjectValue()) > 0) || (value.IsArray() && len(value.ArrayValue()) > 0) {
		fmt.Fprintf(w, "%s%s\n", indent, label)
		writeInputs(w, indent+"  ", value)
		return
	}
	text := leaf(value)
	if strings.Contains(text, "\n") {
		fmt.Fprintf(w, "%s%s |\n", indent, label)
		for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
			fmt.Fprintf(w, "%s  %s\n", indent, line)
		}
		return
	}
	fmt.Fprintf(w, "%s%s %s\n", indent, label, text)
}

func leaf(value resource.PropertyValue) string {
	switch {
	case value.IsSecret():
		return "(secret)"
	case value.IsComputed() || value.IsOutput():
		return "(known after deployment)"
	case value.IsArchive():
		return "(archive)"
	case value.IsObject():
		return "{}"
	case value.IsArray():
		return "[]"
	default:
		return fmt.Sprint(value.V)
	}
}

// openJSON returns the object or list that a string is the JSON of, or the string itself.
func openJSON(value resource.PropertyValue) resource.PropertyValue {
	text := value.StringValue()
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return value
	}
	var opened any
	if json.Unmarshal([]byte(text), &opened) != nil {
		return value
	}
	return resource.NewPropertyValue(opened)
}
