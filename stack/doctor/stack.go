package doctor

import (
	"net"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
)

// Stack is what a stack should be, by its outputs and its program.
type Stack struct {
	Name           string
	ClusterARN     string // of Kafka
	ECSCluster     string
	Service        string
	TaskDefinition string // ARN of Service's task definition that was deployed last
	OtherServices  []string
	URL            string // of the API
	KeysSecret     string // "": the API asks for no keys
	Processors     []Processor
	Topics         []Topic
}

// Processor is a function and the mapping that feeds it.
type Processor struct {
	Function, Group, Topic string
	MaxLagSeconds          float64 // threshold of the stack's own alarm
	Idle                   bool    // its mapping is disabled on purpose
}

// Topic is a topic as the program describes it.
type Topic struct {
	Name        string
	Partitions  int32
	Replication int32
	Configs     map[string]string // its own settings
}

// Headings of docs/operating.md. The descriptions of alarms have the headings of alarms (stack/observability.go).
const (
	headingAlarms      = "alarms"
	headingStalled     = "processor-stalled"
	headingLag         = "processor-lag"
	headingTasks       = "api-tasks"
	headingCertificate = "certificate"
	headingBrokers     = "brokers"
	headingTopics      = "topics"
	headingDeployment  = "deployments-of-the-api"
	headingQuotas      = "quotas"
	headingDomain      = "the-domain"
	headingKeys        = "keys-of-the-api"
)

// Headings are all of them.
func Headings() []string {
	return []string{headingAlarms, headingStalled, headingLag, headingTasks, headingCertificate, headingBrokers,
		headingTopics, headingDeployment, headingQuotas, headingDomain, headingKeys}
}

// Checks are all that can be asked of a stack.
func Checks(s Stack, cloud aws.Config) []Check {
	metrics, functions := cloudwatch.NewFromConfig(cloud), lambda.NewFromConfig(cloud)
	brokers := kafka.NewFromConfig(cloud)
	return []Check{
		Alarms{metrics, s}, Mappings{functions, s}, Lag{metrics, s}, Service{ecs.NewFromConfig(cloud), s},
		Brokers{brokers, s}, Topics{brokers, s},
		Quotas{functions, metrics, servicequotas.NewFromConfig(cloud), network{cloud}},
		Domain{net.DefaultResolver, handshake, s.URL}, Keys{secretsmanager.NewFromConfig(cloud), s.KeysSecret},
	}
}
