class Frontgate < Formula
  desc "HTTPS for the OpenClaw gateway: a WebSocket-aware reverse proxy"
  homepage "@HOMEPAGE@"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    # if aarch64-apple-darwin
    on_arm do
      url "@FILES_AT@/frontgate-@VERSION@-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256 aarch64-apple-darwin@"
    end
    # end
    # if x86_64-apple-darwin
    on_intel do
      url "@FILES_AT@/frontgate-@VERSION@-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256 x86_64-apple-darwin@"
    end
    # end
  end

  on_linux do
    # if aarch64-unknown-linux-musl
    on_arm do
      url "@FILES_AT@/frontgate-@VERSION@-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256 aarch64-unknown-linux-musl@"
    end
    # end
    # if x86_64-unknown-linux-musl
    on_intel do
      url "@FILES_AT@/frontgate-@VERSION@-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256 x86_64-unknown-linux-musl@"
    end
    # end
  end

  def install
    bin.install "frontgate"
    man1.install Dir["man/man1/*"]
    man5.install Dir["man/man5/*"]
    bash_completion.install "completions/frontgate.bash" => "frontgate"
    fish_completion.install "completions/frontgate.fish"
    zsh_completion.install "completions/frontgate.zsh" => "_frontgate"
    pkgshare.install "config"
  end

  service do
    run [opt_bin/"frontgate", "serve", "--config", etc/"frontgate/frontgate.yaml"]
    keep_alive successful_exit: false
    log_path var/"log/frontgate.log"
    error_log_path var/"log/frontgate.log"
  end

  def caveats
    <<~TEXT
      Write #{etc}/frontgate/frontgate.yaml before `brew services start frontgate`; examples are in #{opt_pkgshare}/config.
    TEXT
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/frontgate --version")
    (testpath/"frontgate.yaml").write "upstream: http://127.0.0.1:18789\n"
    system bin/"frontgate", "check", "--config", "frontgate.yaml"
  end
end
