package tracing

import (
	"fmt"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// The JSON encoding of OTLP 1.9: ids in hex, 64-bit numbers as strings, enumerations as numbers.

type otlpRequest struct {
	ResourceSpans []otlpResourceSpans `json:"resourceSpans"`
}

type otlpResourceSpans struct {
	Resource   otlpResource     `json:"resource"`
	ScopeSpans []otlpScopeSpans `json:"scopeSpans"`
	SchemaURL  string           `json:"schemaUrl,omitempty"`
}

type otlpResource struct {
	Attributes []otlpAttribute `json:"attributes,omitempty"`
}

type otlpScopeSpans struct {
	Scope     otlpScope  `json:"scope"`
	Spans     []otlpSpan `json:"spans"`
	SchemaURL string     `json:"schemaUrl,omitempty"`
}

type otlpScope struct {
	Name string `json:"name"`
}

type otlpSpan struct {
	TraceID      string          `json:"traceId"`
	SpanID       string          `json:"spanId"`
	TraceState   string          `json:"traceState,omitempty"`
	ParentSpanID string          `json:"parentSpanId,omitempty"`
	Flags        uint32          `json:"flags,omitempty"`
	Name         string          `json:"name"`
	Kind         int             `json:"kind"`
	Start        string          `json:"startTimeUnixNano"`
	End          string          `json:"endTimeUnixNano"`
	Attributes   []otlpAttribute `json:"attributes,omitempty"`
	Links        []otlpLink      `json:"links,omitempty"`
	DroppedLinks int             `json:"droppedLinksCount,omitempty"`
	Status       *otlpStatus     `json:"status,omitempty"`
}

type otlpLink struct {
	TraceID    string `json:"traceId"`
	SpanID     string `json:"spanId"`
	TraceState string `json:"traceState,omitempty"`
}

type otlpStatus struct {
	Message string `json:"message,omitempty"`
	Code    int    `json:"code"`
}

type otlpAttribute struct {
	Key   string    `json:"key"`
	Value otlpValue `json:"value"`
}

// otlpValue has one member.
type otlpValue struct {
	String *string  `json:"stringValue,omitempty"`
	Bool   *bool    `json:"boolValue,omitempty"`
	Int    *string  `json:"intValue,omitempty"`
	Double *float64 `json:"doubleValue,omitempty"`
}

// encode groups spans by their scope. All of a process have one resource.
func encode(spans []sdk.ReadOnlySpan) otlpRequest {
	if len(spans) == 0 {
		return otlpRequest{}
	}
	resource := otlpResourceSpans{Resource: otlpResource{attributes(spans[0].Resource().Attributes())},
		SchemaURL: spans[0].Resource().SchemaURL()}
	at := map[string]int{}
	for _, s := range spans {
		scope := s.InstrumentationScope()
		i, ok := at[scope.Name]
		if !ok {
			i = len(resource.ScopeSpans)
			at[scope.Name] = i
			resource.ScopeSpans = append(resource.ScopeSpans,
				otlpScopeSpans{Scope: otlpScope{scope.Name}, SchemaURL: scope.SchemaURL})
		}
		resource.ScopeSpans[i].Spans = append(resource.ScopeSpans[i].Spans, encodeSpan(s))
	}
	return otlpRequest{[]otlpResourceSpans{resource}}
}

func encodeSpan(s sdk.ReadOnlySpan) otlpSpan {
	id := s.SpanContext()
	span := otlpSpan{
		TraceID: id.TraceID().String(), SpanID: id.SpanID().String(), TraceState: id.TraceState().String(),
		Flags: uint32(id.TraceFlags()),
		Name:  s.Name(), Kind: kind(s.SpanKind()), Start: nanoseconds(s.StartTime()), End: nanoseconds(s.EndTime()),
		Attributes: attributes(s.Attributes()), DroppedLinks: s.DroppedLinks(),
	}
	if parent := s.Parent(); parent.SpanID().IsValid() {
		span.ParentSpanID = parent.SpanID().String()
	}
	for _, l := range s.Links() {
		span.Links = append(span.Links,
			otlpLink{l.SpanContext.TraceID().String(), l.SpanContext.SpanID().String(), l.SpanContext.TraceState().String()})
	}
	if status := s.Status(); status.Code == codes.Error {
		span.Status = &otlpStatus{Message: status.Description, Code: 2} // STATUS_CODE_ERROR; the SDK's own 1 is 2 there
	}
	return span
}

// kind: the SDK counts from unspecified, internal, server, client, producer, consumer, as the protocol does.
func kind(k trace.SpanKind) int { return int(k) }

func nanoseconds(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

func attributes(in []attribute.KeyValue) []otlpAttribute {
	out := make([]otlpAttribute, 0, len(in))
	for _, kv := range in {
		var v otlpValue
		switch kv.Value.Type() {
		case attribute.BOOL:
			b := kv.Value.AsBool()
			v.Bool = &b
		case attribute.INT64:
			n := strconv.FormatInt(kv.Value.AsInt64(), 10)
			v.Int = &n
		case attribute.FLOAT64:
			f := kv.Value.AsFloat64()
			v.Double = &f
		case attribute.STRING:
			s := kv.Value.AsString()
			v.String = &s
		default: // no span of this service has lists
			s := fmt.Sprint(kv.Value.AsInterface())
			v.String = &s
		}
		out = append(out, otlpAttribute{string(kv.Key), v})
	}
	return out
}
