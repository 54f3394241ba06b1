package apitest

import "encoding/json"

// shape is what a schema looks at in a JSON text: members, types, and values that are short enough to be one of an
// enum.
func shape(body []byte) any {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return string(body)
	}
	return shapeOf(value)
}

func shapeOf(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			v[name] = shapeOf(v[name])
		}
		return v
	case []any:
		for i := range v {
			v[i] = shapeOf(v[i])
		}
		if len(v) > 3 {
			return v[:3]
		}
		return v
	case string:
		if len(v) > 14 {
			return "text"
		}
		return v
	case float64:
		return v == float64(int64(v)) // an integer
	}
	return value
}
