package naiad.example;

import com.google.protobuf.ByteString;
import inference.GRPCInferenceServiceGrpc;
import inference.GrpcService.InferParameter;
import inference.GrpcService.InferTensorContents;
import inference.GrpcService.ModelInferRequest;
import inference.GrpcService.ModelInferRequest.InferInputTensor;
import inference.GrpcService.ModelInferRequest.InferRequestedOutputTensor;
import inference.GrpcService.ModelInferResponse;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Names the emotion of a face: Emotion PICTURE [ADDRESS] */
public final class Emotion {
  public static void main(String[] arguments) throws IOException, InterruptedException {
    var picture = ByteString.copyFrom(Files.readAllBytes(Path.of(arguments[0])));
    var address = arguments.length > 1 ? arguments[1] : "localhost:8001";
    var channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create())
        // The default of 4 MB is soon too small for answers that are tensors.
        .maxInboundMessageSize(Integer.MAX_VALUE)
        .build();
    var failed = false;
    try {
      var answer = GRPCInferenceServiceGrpc.newBlockingStub(channel)
          .withDeadlineAfter(30, TimeUnit.SECONDS)
          .modelInfer(requestFor(picture));
      System.out.println(bestOf(answer));
    } catch (StatusRuntimeException error) {
      System.err.println(error.getStatus().getCode() + ": " + error.getStatus().getDescription());
      failed = true;
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
    if (failed) System.exit(1);
  }

  private static ModelInferRequest requestFor(ByteString picture) {
    var contents = InferTensorContents.newBuilder().addBytesContents(picture);
    var image = InferInputTensor.newBuilder()
        .setName("image").setDatatype("BYTES").addShape(1).setContents(contents);
    // Asks for "value:index:label" strings instead of the seven probabilities.
    var best = InferRequestedOutputTensor.newBuilder()
        .setName("probabilities")
        .putParameters("classification", InferParameter.newBuilder().setInt64Param(1).build());
    return ModelInferRequest.newBuilder()
        .setModelName("face_emotion").addInputs(image).addOutputs(best).build();
  }

  /** "label score"; the element of BYTES follows its length in 4 bytes. */
  private static String bestOf(ModelInferResponse answer) {
    var raw = answer.getRawOutputContents(0);
    var length = raw.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).getInt();
    var parts = raw.substring(4, 4 + length).toStringUtf8().split(":", 3);
    return parts[2] + " " + parts[0];
  }
}
